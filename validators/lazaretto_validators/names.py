"""What file names do to people: extensions that run, and the ways to make a name read as another one.

Unicode facts: UAX #9 (bidirectional controls), UTS #39 (confusables), UAX #15 (compatibility forms).
File system facts: Microsoft "Naming Files, Paths, and Namespaces".
"""

from __future__ import annotations

import re
import unicodedata

from lazaretto_validators.media_types import BY_EXTENSION, MEDIA_TYPES, MediaType, Risk

__all__ = [
    "ASCII_OF",
    "BIDI_CONTROLS",
    "DANGEROUS_EXTENSIONS",
    "DOTS",
    "INVISIBLE",
    "NOISY_EXTENSIONS",
    "calls_out",
    "disguises",
    "extension_of",
    "is_device",
    "is_known",
    "is_textual",
    "runs",
    "skeleton",
    "words",
]


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


DANGEROUS_EXTENSIONS = words("""
    a3x aab accda accde accdr ace action ad ade adp afploc ahk apk apkm apks app appimage appcontent-ms appinstaller
    applescript application appref-ms appx appxbundle arj arx asx au3 bas bat bgi cab caction cdxml cer cgi chi chm
    class cmd cnt command cpl crt crx csh deb der deskthemepack desktop dex diagcab diagcfg diagpkg dll dmg docm
    dotm dqy drv ear egg eml esd ex ex_ exe fas fileloc flatpak flatpakref fon fxp gadget grp hlp hpj hta htc htt
    hwt img inetloc inf ins inx ipa iqy iso isp isu its jar jmod jnlp job js jse jsp jsx jsxbin kext ksh lexe lib
    library-ms lnk lsp manifest mcf mda mdb mde mdt mdw mdz mht mhtml mjs mmc mobileconfig mof mpkg msc msg msh msh1
    msh1xml msh2 msh2xml mshxml msi msix msixbundle msp mst msrcincident msu nsh odc one onepkg ops oqy osd osx ovpn
    paf pcd pet phar pickle pif pkg pkl plg pm pod potm ppam ppkg ppsm pptm prefpane prf prg printerexport ps1
    ps1xml ps2 ps2xml psc1 psc2 psd1 psdm1 psm1 pssc pst pup pyc pyd pyi pyo pyw pyz pyzw qlgenerator rb rdp reg rgs
    rpm rqy run saver scf scpt scptd scr sct search-ms searchconnector-ms settingcontent-ms sh shar shb shortcut shs
    sldm slk slp snap svgz swf swm sys terminal theme themepack tipa tool u3p udf udl vb vbe vbp vbs vbscript vdx
    vhd vhdx vlx vmdk vsd vsdm vsdx vsmacros vss vssm vsto vssx vst vstm vstx vsw vsx vtx vxd war wasm webarchive
    webloc webpnp website whl wim wll wlua workflow ws wsc wsf wsh xapk xbap xdp xhtm xhtml xla xlam xll xlm xlsb
    xlsm xltm xnk xpi xs xsl xsn xslt zsh
    """)
"""Extensions that open as a program or pull one in: the union of the lists of Telegram Desktop (929032d, 2025-09-06,
executable types of Windows, macOS and Linux), Gmail (blocked types, 2025), Outlook, rspamd (`bad_extensions`), and the
campaigns of recent years (disk images, Office macros, OneNote, library files, web archives, pickles)."""

NOISY_EXTENSIONS = words("""
    asp aspx bin cfg com conf ini key local lua mad maf mag mam maq mar mas mat mau mav maw out php php-s php3 php4
    php5 php7 phps pht phtml pl py py3 t tmp url
    """)
"""On the same lists, but everyday in ordinary groups: settings, data, `see example.com`."""

BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""They change the order in which a name is shown. The marks 200E, 200F and 061C are ordinary in Arabic and Hebrew."""

INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064"
    "\u2065\u2800\u3164\ufeff\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10)))
)
"""Characters that show nothing: zero-width spaces and joiners, soft hyphen, variation selectors, the fillers of Hangul
and Braille (CVE-2024-43461 pushed the extension out of sight with the latter)."""

DOTS = "\uff0e\u2024\u3002\u0701\uff61"
"""Characters that look like a full stop: fullwidth, one dot leader, ideographic, Syriac, halfwidth."""

# Lower-case look-alikes of ASCII letters (UTS #39 confusables.txt), from Cyrillic, Greek, Latin and Armenian; names are
# case-folded first, so the capitals come along (В -> в: hence b, H, k, m, t).
ASCII_OF = str.maketrans(
    "аеорсухіѕјһԁԛԝкмтвнӏɡɑοανρικτυχγεոսօցıĸϳᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",
    "aeopcyxisjhdqwkmtbhlgaoavpiktuxyenuogikjabcdefghijklmnoprstuvwyz",
)

_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3"]
)
_CALLS_OUT = words("htm html svg m4v m3u m3u8 xhtml xml")
_MARKS = frozenset({"Mn", "Me", "Cf"})
_DROPPED = dict.fromkeys(map(ord, BIDI_CONTROLS | INVISIBLE))
_CONTROLS = re.compile("[\0-\x1f\x7f-\x9f]")
_MOUNTED = words("iso img udf dmg vhd vhdx vmdk wim swm esd cab ace arj egg chm")
_DISGUISE_TEXTS = words("txt rtf")


def _plain(name: str) -> str:
    """The name as its last extension is decided: compatibility forms, without invisibles, controls, trailing blanks."""
    return _CONTROLS.sub("", unicodedata.normalize("NFKC", name).translate(_DROPPED)).rstrip(" .").casefold()


def extension_of(name: str) -> str:
    """The last extension, case-folded, without the dot, as an operating system would see it; "" if there is none."""
    _, dot, extension = _plain(name).rpartition(".")
    return extension.strip() if dot else ""


def disguises(name: str) -> str:
    """The extension that stands before the last one, if it would pass for a picture, sound, video or document."""
    parts = _plain(name).rsplit(".", 2)
    token = parts[-2].strip(" _-") if len(parts) == 3 else ""
    known = BY_EXTENSION.get(token)
    if known is None:
        return ""
    is_text = known.parent in ("text/plain", "text/xml") or known.name == "text/plain"
    harmless = known.risk in (Risk.VIEWED, Risk.DOCUMENT)
    return token if harmless and (not is_text or token in _DISGUISE_TEXTS) else ""


def runs(extension: str) -> bool:
    """Does a click on such a name run something, or mount what does? Not `com`: names are full of example.com."""
    known = BY_EXTENSION.get(extension)
    if known is not None:
        return known.risk is Risk.RUN or extension in _MOUNTED
    return extension in DANGEROUS_EXTENSIONS


def is_known(extension: str) -> bool:
    """Is it an extension that somebody could want to imitate?"""
    return extension in BY_EXTENSION or extension in DANGEROUS_EXTENSIONS or extension in NOISY_EXTENSIONS


def skeleton(text: str) -> str:
    """What the text looks like in ASCII: compatibility forms and look-alike letters replaced, marks on them dropped."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in letters if unicodedata.category(c) not in _MARKS).translate(ASCII_OF)


def is_device(name: str) -> bool:
    """Does Windows take the name for a device? The part before the first dot decides, blanks at its end dropped."""
    return name.partition(".")[0].rstrip().casefold() in _DEVICES


def calls_out(extension: str) -> bool:
    """Does opening such a file contact other hosts, and so tell them the reader's address?"""
    return extension in _CALLS_OUT


def is_textual(media_type: MediaType) -> bool:
    """Plain text, or a kind of it: of such bytes the name decides what they do."""
    kind: MediaType | None = media_type
    while kind is not None:
        if kind.name == "text/plain":
            return True
        kind = MEDIA_TYPES.get(kind.parent) if kind.parent else None
    return media_type.name.startswith("text/")
