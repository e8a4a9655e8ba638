"""The languages of scripts and launchers, as data for `script_families`.

A family is known by its *opening* (a root element, a first line that nothing else has), by its interpreter's name in
a shebang, or by *signs*: tokens of which several different ones must occur, in a text most of whose outermost lines
are statements of that language. Threats EXE-07, EXE-08, EXE-09, LNK-05 to LNK-11.

No pattern may backtrack over what it has matched: starts are anchored, repetitions bounded or unambiguous.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FAMILIES", "UNKNOWN", "Family"]


@dataclass(frozen=True, slots=True)
class Family:
    """One language.

    name: as in the rule `script.<name>`.
    interpreters: base names in a shebang, without version digits.
    opening: matches at the first character that is not blank, and decides alone.
    signs: tokens; `least` different ones are asked for, and that most outermost lines match `statement`.
    never: a line of another language that looks alike.
    """

    name: str
    media_type: str
    interpreters: tuple[str, ...] = ()
    opening: re.Pattern[str] | None = None
    signs: tuple[re.Pattern[str], ...] = ()
    least: int = 2
    statement: re.Pattern[str] | None = None
    never: re.Pattern[str] | None = None


def _opening(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE | re.DOTALL)


def _signs(*patterns: str, case: bool = True) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(p, re.MULTILINE | (re.NOFLAG if case else re.IGNORECASE)) for p in patterns)


_PROLOG = r"(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*)?"  # before a root element
_INI_COMMENTS = r"(?:[#;][^\n]{0,500}\n\s*){0,50}"
_INI_LINE = re.compile(r"\[|[#;]|[\w.@{}\[\]-]++\s*+=")

# Carets and a leading separator mean nothing to the command interpreter.
_ECHO_OFF = (
    r"(?:&?cls[ \t]*[\r\n]+)?[@;=, \t]*\(?[@ \t]*\^?e\^?c\^?h\^?o[ \t]+\^?o\^?f\^?f[ \t]*\)?[ \t]*(?:[\r\n&>|]|$)"
)
_FIRST_COMMAND = (
    r"@[ \t]*(?:setlocal\b|cls\b|rem\b|goto\s|if\s+(?:/i\s+)?(?:not\s+)?(?:exist|defined|errorlevel|\"?%)|"
    r"set\s+\"?\w+=|start\s|call\s|\"?%~|\"?%\w+%|cmd(?:\.exe)?\s+/|powershell(?:\.exe)?\s+-|mshta(?:\.exe)?\s)"
)

FAMILIES: tuple[Family, ...] = (
    Family(
        "registry",
        "application/x-windows-registry",
        opening=_opening(r"REGEDIT4\s*[\r\n]", r"Windows Registry Editor Version 5\.00\s*[\r\n]"),
    ),
    Family(
        "encoded",
        "text/vbscript",
        # MS Script Encoder: marker, base64 length, "=="; bare (.vbe, .jse)
        opening=_opening(r"#@~\^[A-Za-z0-9+/]{6}=="),
    ),
    Family(
        "shortcut",
        "application/x-mswinurl",
        opening=_opening(
            r"(?:\[[^\]\n]{1,80}\]\s*\n(?:[^\n\[\s][^\n]{0,500}\n\s*){0,20}){0,3}\[InternetShortcut\]\s*[\r\n]"
        ),
        signs=_signs(r"^[ \t]*\[InternetShortcut\]", r"^[ \t]*URL[ \t]*=", case=False),
        statement=_INI_LINE,
    ),
    Family(
        "desktop",
        "application/x-desktop",
        ("xdg-open",),
        opening=_opening(_INI_COMMENTS + r"\[Desktop Entry\]\s*[\r\n]"),
        signs=_signs(r"^\[Desktop Entry\]", r"^(?:Exec|TryExec|URL|Type)[ \t]*="),
        statement=_INI_LINE,
    ),
    Family(
        "library",
        "application/x-ms-library",
        opening=_opening(_PROLOG + r"<(?:\w{1,20}:)?(?:libraryDescription|searchConnectorDescription)\b"),
    ),
    Family("console", "application/x-msc", opening=_opening(_PROLOG + r"<MMC_ConsoleFile\b")),
    Family(
        "remote-desktop",
        "application/x-rdp",
        signs=_signs(r"^full address:s:", r"^[a-z][a-z ]{2,60}:[isb]:", case=False),
        statement=re.compile(r"[a-z][a-z0-9 ]{2,60}+:[isb]:", re.IGNORECASE),
    ),
    Family(
        "hta",
        "application/hta",
        # XMLHTTP by ActiveXObject is in every old web page; these objects answer to an HTA only.
        opening=_opening(
            r"<.{0,16000}?<HTA:APPLICATION\b",
            r"<(?!\?xml|package|job|scriptlet|component)(?=.{0,16000}?<script\b).{0,16000}?"
            r"(?:CreateObject|ActiveXObject)\s*\(\s*[\"'](?:WScript\.Shell|Scripting\.FileSystemObject|Shell\.Application)",
        ),
    ),
    Family(
        "windows-script",
        "application/x-windows-script",
        opening=_opening(
            _PROLOG + r"<(?:job|package)\b[^>]{0,500}>.{0,4000}?<script\b",
            _PROLOG + r"<(?:scriptlet|component)\b[^>]{0,500}>.{0,4000}?<(?:registration|script|public)\b",
        ),
    ),
    Family(
        "php",
        "application/x-php",
        ("php",),
        opening=_opening(r"<\?php(?:\s|$)", r"<\?=", r"<(?!\?xml|svg).{0,8000}?<\?php\s"),
    ),
    Family(
        "batch",
        "application/x-bat",
        opening=_opening(_ECHO_OFF, _FIRST_COMMAND),
        signs=_signs(
            r"^[ \t]*@echo[ \t]+off\b",
            r"^[ \t]*@?cls[ \t]*$",
            r"%~[dpnxfs]{0,5}\d",
            r"^[ \t]*@?setlocal\b",
            r"^[ \t]*@?goto\s+:?\w+\s*$",
            r"^:\w+\s*$",
            r"^[ \t]*@?if\s+(?:/i\s+)?(?:not\s+)?(?:exist|errorlevel|defined)\s",
            r"^[ \t]*@?set\s+(?:/[ap]\s+)?\"?\w+=",
            r"%(?:errorlevel|temp|appdata|userprofile|systemroot|comspec|cd)%",
            r"^[ \t]*@?(?:reg\s+(?:add|delete)|del\s+/|rd\s+/s|rmdir\s+/s|start\s+\"\"|schtasks\s+/|attrib\s+[+-]|"
            r"certutil\s+-|bitsadmin\s+/|powershell(?:\.exe)?\s+-)",
            case=False,
        ),
        statement=re.compile(
            r"@|::|:\w+\s*$|%|(?:rem|echo|set|setlocal|endlocal|if|else|for|goto|call|start|exit|pause|cls|cd|del|copy|"
            r"xcopy|move|md|mkdir|rd|rmdir|reg|title|color|ping|timeout|taskkill|shift|attrib|powershell(?:\.exe)?|"
            r"certutil|bitsadmin|schtasks)(?:\s|$|[(/.:])",
            re.IGNORECASE,
        ),
    ),
    Family(
        "powershell",
        "application/x-powershell",
        ("pwsh", "powershell"),
        opening=_opening(
            r"#requires\s+-(?:version|modules|runasadministrator)\b",
            r"<#.{0,16000}?#>",
            r"(?:IEX|Invoke-Expression)\s*[(\"$&]",
            r"powershell(?:\.exe)?\s+(?:-\w+\s+(?:\w+\s+)?){0,6}-e(?:c|nc?|ncodedcommand)?\s+[A-Za-z0-9+/=]{16}",
        ),
        signs=_signs(
            r"^[ \t]*param\s*\(",
            r"\$env:\w+",
            r"\[System\.\w+",
            r"\b(?:IEX|Invoke-Expression)\b",
            r"-(?:enc|EncodedCommand)\s+[A-Za-z0-9+/=]{16}",
            r"\bNew-Object\s+(?:-\w+\s+)?(?:System|Net|IO)\.\w+",
            r"^[ \t]*(?:Get|Set|New|Add|Remove|Start|Stop|Invoke|Write|Out|Import|Export|Copy|Test)-[A-Z]\w+",
            r"^[ \t]*\$(?:\w+:)?\w+\s*[+-]?=",
            r"^[ \t]*function\s+[A-Z]\w*-\w+\s*(?:\(|\{|$)",
            r"\[(?:CmdletBinding|Parameter)\s*\(",
            r"\|\s*(?:Where|ForEach|Select|Sort|Out)-Object\b",
            case=False,
        ),
        statement=re.compile(
            r"[$#]|\[[A-Za-z]|<#|param\b|function\b|if\s*\(|else|for(?:each)?\s*\(|while\s*\(|try\b|catch\b|switch\s*\(|return\b|"
            r"(?:IEX|powershell(?:\.exe)?)\b|[A-Z]\w+-[A-Z]\w+",
            re.IGNORECASE,
        ),
    ),
    Family(
        "jscript",
        "text/javascript",
        signs=_signs(
            r"\bnew\s+ActiveXObject\s*\(",
            r"\bWScript\.(?:CreateObject|Echo|Quit|Sleep|Arguments|StdOut|ScriptFullName)\b",
            r"[\"'](?:WScript\.Shell|Scripting\.FileSystemObject|Shell\.Application|ADODB\.Stream)[\"']",
        ),
        statement=re.compile(
            r"//|/\*|[({!\"']|(?:var|let|const|function|if|else|for|while|do|try|catch|switch|return|throw|new|eval)\b|"
            r"[\w$]++(?:\.\w++|\[[^\]]{1,80}+\])*+\s*+(?:[-+]?=|\(|\+\+)"
        ),
    ),
    Family(
        "vbscript",
        "text/vbscript",
        opening=_opening(r"Attribute VB_Name = \"", r"VERSION \d\.\d+ CLASS\s*\n"),
        signs=_signs(
            r"\bCreateObject\s*\(\s*\"",
            r"\bWScript\.(?:Shell|Echo|CreateObject|Quit|Sleep|Arguments|ScriptFullName)\b",
            r"^[ \t]*Dim\s+\w+",
            r"^[ \t]*Set\s+\w+\s*=",
            r"^[ \t]*On Error (?:Resume Next|GoTo 0)",
            r"^[ \t]*End\s+(?:Sub|Function|If|With|Select)\s*$",
            r"^[ \t]*(?:Public |Private )?(?:Sub|Function)\s+\w+\s*(?:\(|$)",
            r"^[ \t]*Option Explicit\s*$",
            r"^[ \t]*(?:WScript\.Echo|MsgBox)[ (]",
            case=False,
        ),
        statement=re.compile(
            r"'|:|(?:rem|dim|set|sub|function|end|if|else|elseif|for|next|while|wend|do|loop|const|on error|option|"
            r"call|select|case|with|public|private|exit|execute|msgbox)\b|\w++\s*+=[^=]|\w++(?:\.\w++)++[ (\"]|"
            r"createobject",
            re.IGNORECASE,
        ),
        never=re.compile(
            r"^[ \t]*(?:implicit[ \t]+none|program[ \t]+\w+|subroutine[ \t]+\w+|contains)[ \t]*(?:\(|$)",
            re.MULTILINE | re.IGNORECASE,
        ),
    ),
    Family(
        "shell",
        "text/x-shellscript",
        ("sh", "bash", "dash", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "ash", "busybox", "rbash"),
        signs=_signs(
            r"^[ \t]*(?:el)?if\s+(?:!\s+)?(?:\[\[?\s.*\]|test\s.*|command\s+-v\s.*|grep\s.*);?\s*(?:then)?\s*$",
            r"^[ \t]*then\s*$|;\s*then\s*$",
            r"^[ \t]*(?:fi|esac|done)\s*(?:[;#<>|&].*)?$",
            r"^[ \t]*(?:for\s+\w+\s+in\b|while\s+(?:read|:|true|\[)).*",
            r"^[ \t]*set\s+-[euxo]+",
            r"^[ \t]*(?:export\s+)?[A-Za-z_]\w*=(?:\$\(|\"?\$\{?\w)",
            r"^[ \t]*[a-z_]\w*\s*\(\)\s*\{",
            r"\|\s*(?:sudo\s+)?(?:ba)?sh\s*(?:-s.*)?$",
        ),
        statement=re.compile(
            r"#|[\[({})]|(?:export\s+)?\w++=|(?:if|then|else|elif|fi|for|while|until|do|done|case|esac|function|set|local|"
            r"return|exit|echo|printf|cd|cp|mv|rm|mkdir|chmod|chown|curl|wget|sudo|source|trap|eval|exec|test|read|shift|"
            r"cat|tar|grep|sed|awk|nohup|sleep|kill)(?:\s|;|$)|\.\s+[/\"$]|[a-z_]\w*+\s*+\(\)"
        ),
        # Macros of m4, rules of make: programs for these, not for a shell.
        never=re.compile(
            r"^(?:dnl\b|A[CM]_[A-Z_]+\(|\.(?:PHONY|SUFFIXES)[ \t]*:|[\w.$(){}/%-]+[ \t]*:(?![:=])[^\n=]{0,400}\n\t)",
            re.MULTILINE,
        ),
    ),
    Family(
        "python",
        "text/x-python",
        ("python", "pypy", "pythonw", "ipython"),
        signs=_signs(
            r"^(?:import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+)*|from\s+[.\w]+\s+import\s+[\w(*].*)\s*(?:#.*)?$",
            r"^[ \t]*(?:async\s+)?def\s+\w+\s*\(",
            r"^class\s+\w+\s*(?:\([^)\n]*\))?:\s*(?:#.*)?$",
            r"^if\s+__name__\s*==\s*[\"']__main__[\"']\s*:",
            r"^(?:exec|eval|os\.system|subprocess\.\w+|__import__)\s*\(",
            r"^[ \t]*except(?:\s+[\w.(), ]+)?(?:\s+as\s+\w+)?:\s*$",
        ),
        statement=re.compile(
            r"[#@\"'\])]|(?:import|from|def|class|if|else|elif|for|while|try|except|finally|with|return|assert|del|raise|"
            r"async|print|pass|global)\b|[\w.\[\]\"']++(?:\s*:\s*[\w.\[\], |]++)?\s*+[-+]?=|[\w.]++\("
        ),
    ),
    Family(
        "perl",
        "text/x-perl",
        ("perl",),
        signs=_signs(
            r"^[ \t]*use\s+(?:strict|warnings|utf8|v?5[\d.]*)\s*;",
            r"^[ \t]*(?:my|our|local)\s+[($@%]",
            r"^[ \t]*package\s+\w+(?:::\w+)*\s*;",
            r"^[ \t]*sub\s+\w+\s*\{",
            r"^__(?:END|DATA)__$",
        ),
        statement=re.compile(
            r"[#$@%&})=]|(?:use|no|my|our|local|package|sub|if|unless|for|foreach|while|print|printf|return|"
            r"open|close|die|1)\b|\w++\s*+\("
        ),
    ),
    Family(
        "ruby",
        "text/x-ruby",
        ("ruby", "jruby", "rake"),
        least=3,
        signs=_signs(
            r"^[ \t]*require(?:_relative)?\s*\(?[\"']",
            r"^[ \t]*def\s+(?:self\.)?\w+[?!]?(?:\s*\(.*\))?\s*$",
            r"^[ \t]*end\s*$",
            r"^[ \t]*(?:class|module)\s+[A-Z]\w*(?:\s*<\s*[\w:]+)?\s*$",
            r"\bdo\s*\|[\w, ]+\|",
            r"^[ \t]*attr_(?:accessor|reader|writer)\s+:",
        ),
        statement=re.compile(
            r"[#@\])}]|(?:require|require_relative|def|class|module|end|if|unless|else|begin|rescue|puts|include)\b|"
            r"[\w.:\[\]]++\s*+[|+]*+=|\w++[.(]"
        ),
    ),
    Family(
        "lua",
        "text/x-lua",
        ("lua", "luajit", "texlua"),
        least=3,
        signs=_signs(
            r"^[ \t]*local\s+\w+(?:\s*,\s*\w+)*\s*=",
            r"^[ \t]*(?:local\s+)?function\s+[\w.:]+\s*\([^)\n]*\)\s*$",
            r"^[ \t]*end\)?\s*$",
            r"\brequire\s*\(?\s*[\"']",
            r"\bthen\s*$",
            r"^[ \t]*for\s+\w+(?:\s*,\s*\w+)*\s+(?:in\s|=).*\bdo\s*$",
        ),
        statement=re.compile(
            r"--|[\])}]|(?:local|function|end|if|else|elseif|for|while|repeat|until|return|print)\b|[\w.:\[\]]++\s*+[=(]"
        ),
    ),
    Family(
        "applescript",
        "application/x-applescript",
        ("osascript",),
        signs=_signs(
            r"^[ \t]*tell\s+application\s+\"",
            r"^[ \t]*end\s+tell\s*$",
            r"\bdo\s+shell\s+script\s+\"",
            r"^[ \t]*display\s+(?:dialog|alert|notification)\s+\"",
            r"^[ \t]*on\s+run\b.*$",
        ),
        statement=re.compile(r"--|\(\*|(?:tell|end|do|display|on|set|if|else|repeat|return|property|use|try|delay)\b"),
    ),
    Family(
        "autoit",
        "application/x-autoit",
        opening=_opening(r"#(?:NoTrayIcon|RequireAdmin|NoEnv|SingleInstance|Requires AutoHotkey)\b"),
        signs=_signs(
            r"^[ \t]*#include\s*<\w+\.au3>",
            r"^[ \t]*#(?:NoTrayIcon|RequireAdmin|AutoIt3Wrapper_\w+|NoEnv|SingleInstance|Requires AutoHotkey)",
            r"^[ \t]*(?:End)?Func\b",
            r"^[ \t]*(?:Global|Local)\s+(?:Const\s+)?\$\w+",
            r"^[ \t]*(?:SendMode\s+Input|SetWorkingDir\s+%A_ScriptDir%)",
            r"^[\^!+#]*\w+::",
        ),
        statement=re.compile(
            r"[#;$\^!]|(?:Func|EndFunc|Global|Local|If|EndIf|Else|While|WEnd|For|Next|Return|Run|Send|SendMode|Sleep|"
            r"MsgBox|SetWorkingDir)\b|\w++\s*+(?:\(|::|:=)",
            re.IGNORECASE,
        ),
    ),
    Family(
        "javascript",
        "text/javascript",
        ("node", "nodejs", "deno", "bun", "qjs"),
        least=3,
        signs=_signs(
            r"\brequire\s*\(\s*[\"'][\w@./-]+[\"']\s*\)",
            r"^[ \t]*(?:const|let|var)\s+(?:\w+|[{\[][^=\n]{0,200})\s*=",
            r"^[ \t]*(?:async\s+)?function\s*\*?\s*\w*\s*\(",
            r"=>\s*[{(\w]",
            r"\bmodule\.exports\b|^export\s+(?:default|const|function|class)\b",
            r"^import\s[^\n]{0,200}\sfrom\s+[\"']",
            r"\b(?:document|window|console|process|JSON)\.\w+",
            r"^[\"']use strict[\"'];?\s*$",
            r"===|!==",
        ),
        statement=re.compile(
            r"//|/\*|[()\[\]{}!\"'`;]|(?:const|let|var|function|async|import|export|if|else|for|while|class|return|try|"
            r"switch|throw|new|await)\b|[\w$]++(?:\.[\w$]++|\[[^\]]{1,80}+\])*\s*+(?:[-+|]?=|\(|\.)"
        ),
    ),
)

UNKNOWN = Family("unknown", "text/x-script")
"""A shebang is a promise to run, even if nobody here knows the interpreter."""
