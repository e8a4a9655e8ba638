"""What the sender says is held against the content, by what would open it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto_validators.claims import RULES, UNJUDGED_CARRIERS, UNJUDGED_PROGRAMS, Claim, judge_claims
from lazaretto_validators.finding import Severity
from lazaretto_validators.media_types import MEDIA_TYPES, Risk
from lazaretto_validators.names import DANGEROUS_EXTENSIONS, NOISY_EXTENSIONS, extension_of
from lazaretto_validators.registry import default_registry

SEVERITY = {rule.id: rule.severity for rule in RULES}
PE = "application/vnd.microsoft.portable-executable"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def judged(name: str | None, content: str | None, declared: str | None = None, kind: str | None = None) -> set[str]:
    detected = MEDIA_TYPES[content] if content else None
    findings = list(judge_claims(Claim(name=name, media_type=declared, kind=kind), detected))
    assert all(finding.offset is None and finding.where for finding in findings)
    return {finding.rule for finding in findings}


NAMES = [
    ("name.bidi-override", "inert\u202etxt.exe"),
    ("name.bidi-override", "inert\u2067gpj.scr"),
    ("name.bidi", "\u05e9\u05dc\u05d5\u05dd\u200f.pdf"),
    ("name.bidi", "inert\u202efdp.txt"),
    ("name.double-extension", "invoice.pdf.js"),
    ("name.double-extension", "invoice.docx .lnk"),
    ("name.double-extension", "LETTER.TXT.vbs"),
    ("name.double-extension", "photo.jpg" + " " * 100 + ".exe"),
    ("name.double-extension", "photo.jpg.iso"),
    ("name.trailing", "a.exe. "),
    ("name.trailing", "a.pdf\u3000"),
    ("name.control", "a.pdf\0.exe"),
    ("name.control", "a\x85b.txt"),
    ("name.invisible", "a.e\u200bxe"),
    ("name.invisible", "photo\u200b.jpg"),
    ("name.invisible", "a\ufe0f.pdf"),
    ("name.confusable", "a.\u0435xe"),
    ("name.confusable", "a.\uff45\uff58\uff45"),
    ("name.confusable", "photo\uff0eexe"),
    ("name.confusable", "a.\u0415\u0425\u0415"),
    ("name.confusable", "a.e\u0307xe"),
    ("name.confusable", "a.P\u0130F"),
    ("name.confusable", "a.\u1d07x\u1d07"),
    ("name.invisible", "a.e\u034fxe"),
    ("name.trailing", "a.pdf\u2800"),
    ("name.double-extension", "book.pdf" + "\u2800" * 26 + ".hta"),
    ("name.dangerous-extension", "page.mht"),
    ("name.slash-lookalike", "a\u2215b.txt"),
    ("name.path", "..\\inert.txt"),
    ("name.path", "a/b.txt"),
    ("name.path", "%2E%2e%2finert.txt"),
    ("name.stream", "a.txt:x.exe"),
    ("name.stream", "a.txt::$DATA"),
    ("name.stream", "x:evil.exe"),
    ("name.device", "aux.pdf"),
    ("name.device", "COM\u00b9.txt"),
    ("name.special", "-rf.txt"),
    ("name.special", "desktop.ini"),
    ("name.shell", "a$(true).pdf"),
    ("name.shell", "{echo,inert}|{base64,-d}.txt"),
    ("name.shell", "%p%s%s%n"),
    ("name.shell", "=cmd.txt"),
    ("name.class-id", "a.pdf.{00021401-0000-0000-c000-000000000046}"),
    ("name.too-long", "a" * 252 + ".txt"),
    ("name.dangerous-extension", "a.scf"),
    ("name.dangerous-extension", "A.PS1"),
    ("name.noisy-extension", "see example.com"),
    ("name.calls-out", "list.m3u8"),
]


@pytest.mark.parametrize(("rule", "name"), NAMES)
def test_name_breaks_the_rule(rule: str, name: str) -> None:
    assert rule in judged(name, "text/plain")


HONEST_NAMES = [
    "photo.jpg",
    "Report 2024 (final).pdf",
    "Screenshot 2020-01-01 at 10:20:30.png",
    "backup.tar.gz",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467.jpg",
    "love \u2764\ufe0f.png",
    "R&D's plan #3, v1.2; no".replace(";", ",") + ".docx",
    "100%natural.jpg",
    "@channel - song.mp3",
    "~$report.docx",
    "\u7b2c1\u7ae0\u3002 \u7ed3\u5c3e.txt",
    "\u043e\u0442\u0447\u0451\u0442.pdf",
    "\u0645\u0644\u0641.txt",
    "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627.pdf",
    "README",
    ".bashrc",
    "a" * 251 + ".txt",
    "console.txt",
]


@pytest.mark.parametrize("name", HONEST_NAMES)
def test_honest_name_breaks_no_rule(name: str) -> None:
    assert {rule for rule in judged(name, None) if rule.startswith("name.")} == set()


@pytest.mark.parametrize("content", ["application/gzip", "application/x-xz", "application/x-bzip2", "application/zstd"])
def test_one_packed_file_is_named_by_the_archive(content: str) -> None:
    ending = MEDIA_TYPES[content].extensions[0]
    assert judged(f"a.js.{ending}", content) == judged(f"a.exe.{ending}", content) == {"name.dangerous-extension"}
    for honest in ("a.tar", "a.img", "a.iso", "a.sql", "a.ko", "a.txt", "a.1", "a"):
        assert judged(f"{honest}.{ending}", content) == set()
    assert judged("a.js.zip", "application/zip") == set()


def test_a_video_named_m4v_calls_nobody_and_a_page_named_so_does() -> None:
    assert judged("film.m4v", "video/x-m4v") == judged("film.m4v", "video/mp4") == set()
    assert "name.calls-out" in judged("film.m4v", "text/html")
    assert "name.calls-out" in judged("film.m4v", None)


DISAGREEMENTS = [
    ("claim.runs", "a.jpg", PE, "image/jpeg"),
    ("claim.runs", "a.jpg", "application/java-archive", None),
    ("claim.runs", "a.docx", "text/javascript", None),
    ("claim.runs", "a.exe", "image/jpeg", "image/jpeg"),
    ("claim.runs", "a.exe", None, "image/jpeg"),
    ("claim.runs", "a.scf", "text/plain", "image/png"),
    ("claim.runs", "a.gadget", "image/png", None),
    ("claim.runs", "a.zip", PE, None),
    ("claim.browsed", "a.mp4", "text/html", "video/mp4"),
    ("claim.browsed", "a.png", "image/svg+xml", None),
    ("claim.browsed", "a.pdf", "text/html", None),
    ("claim.browsed", "a.docx", "text/html", None),
    ("claim.archive", "a.jpg", "application/zip", None),
    ("claim.archive", None, "application/zip", "video/mp4"),
    ("claim.archive", "a.pdf", "application/x-qcow2", None),
    ("claim.archive", "a.txt", "application/x-qcow2", None),
    ("claim.other-class", "a.jpg", "application/pdf", None),
    ("claim.other-class", "a.pdf", "application/vnd.rar", None),
    ("claim.other-class", "a.xls", "text/html", None),
    ("claim.other-class", "log.txt", "application/gzip", None),
    ("claim.other-class", "a.jar", "application/zip", None),
    ("claim.other-class", "a.apk", "application/zip", None),
    ("claim.other-class", "a.svg", "image/png", None),
    ("claim.text", "a.jpg", "text/plain", None),
    ("claim.text", "a.docx", "text/csv", None),
    ("claim.unrecognised", "a.png", None, None),
    ("claim.unrecognised", "a.docx", None, None),
    ("claim.other-type", "a.jpg", "image/webp", None),
    ("claim.other-type", "a.jpg", "image/png", "image/jpeg"),
    ("claim.other-type", "a.mp4", "video/quicktime", None),
    ("claim.other-type", "a.doc", "text/rtf", None),
    ("claim.program", "a.lnk", "application/x-ms-shortcut", None),
    ("claim.program", "a.dat", "application/x-msi", None),
    ("claim.program", "a.iso", "application/x-iso9660-image", None),
    ("claim.program", "a.one", "application/onenote", None),
    ("claim.runs", "a.doc", "application/vnd.ms-word.document.macroEnabled.12", None),
    ("claim.runs", "a.docx", "application/vnd.ms-word.document.macroEnabled.12", None),
]


@pytest.mark.parametrize(("rule", "name", "content", "declared"), DISAGREEMENTS)
def test_name_type_and_content_disagree(rule: str, name: str | None, content: str | None, declared: str | None) -> None:
    assert {r for r in judged(name, content, declared) if r.startswith("claim.")} == {rule}


AGREEMENTS = [
    ("a.jpg", "image/jpeg", "image/jpg"),
    ("a.jpg", "image/jpeg", "application/octet-stream"),
    ("a.jpg", "image/jpeg", "IMAGE/JPEG; charset=binary"),
    ("a.docx", "application/zip", None),
    ("a.docx", DOCX, "application/zip"),
    ("a.apk", "application/vnd.android.package-archive", "application/zip"),
    ("a.zip", "application/java-archive", None),
    (None, "image/svg+xml", "text/xml"),
    ("a.csv", "text/plain", "text/csv"),
    ("a.py", "text/x-python", "text/plain"),
    ("a.m4a", "audio/x-m4a", "audio/mp4"),
    ("a.mp4", "audio/x-m4a", None),
    ("a.heic", "image/heif", None),
    ("a.exe", PE, "application/x-msdownload"),
    ("a.xyz", "image/png", "application/octet-stream"),
    ("a.jpg", "application/x-empty", "image/jpeg"),
    ("AnimatedSticker.tgs", "application/gzip", "application/x-tgsticker"),
    ("song.mp3", "audio/mpeg", "audio/x-unheard-of"),
    (None, None, None),
]


@pytest.mark.parametrize(("name", "content", "declared"), AGREEMENTS)
def test_agreement_is_no_finding(name: str | None, content: str | None, declared: str | None) -> None:
    assert judged(name, content, declared) == set()


@pytest.mark.parametrize(
    ("kind", "content", "rules"),
    [
        ("photo", "image/jpeg", set()),
        ("photo", "video/mp4", set()),
        ("document", PE, set()),
        ("sticker", "application/gzip", set()),
        ("video", "application/vnd.android.package-archive", {"claim.runs"}),
        ("photo", "text/html", {"claim.browsed"}),
        ("voice", "application/zip", {"claim.archive"}),
        ("animation", "application/pdf", {"claim.other-class"}),
    ],
)
def test_kind_is_a_claim_to_be_only_shown(kind: str, content: str, rules: set[str]) -> None:
    assert judged(None, content, kind=kind) == rules


def test_same_bytes_under_two_names() -> None:
    assert judged("a.txt", "text/plain") == set()
    assert judged("a.ps1", "text/plain") == {"name.dangerous-extension"}


def test_judged_type_is_never_blocked_for_its_name_alone() -> None:
    assert judged("a.docm", "application/vnd.ms-word.document.macroEnabled.12") == set()
    assert judged("a.eml", "message/rfc822") == set()
    assert judged("a.ps1", "application/x-powershell") == set()


def test_name_that_runs_is_not_excused_by_a_vague_type() -> None:
    assert "name.dangerous-extension" in judged("a.exe", None, "application/octet-stream")


def test_worst_disagreement_is_told_alone() -> None:
    findings = list(judge_claims(Claim(name="a.jpg", media_type="image/png", kind="photo"), MEDIA_TYPES[PE]))
    assert [(finding.rule, finding.where) for finding in findings] == [("claim.runs", "name")]


def test_every_rule_is_hit_by_a_test() -> None:
    tested = {case[0] for case in (*NAMES, *DISAGREEMENTS)}
    assert {rule.id for rule in RULES} == tested


def test_every_type_that_runs_is_judged_by_somebody() -> None:
    registry = default_registry()
    programs = {m.name for m in MEDIA_TYPES.values() if m.risk is Risk.RUN}
    judged_programs = {name for name in programs if registry.judge_of(MEDIA_TYPES[name])}
    # A package is judged as an archive, too, and that says nothing of what its installation does.
    assert programs - judged_programs <= UNJUDGED_PROGRAMS <= programs
    carriers = {name for name in UNJUDGED_CARRIERS if registry.judge_of(MEDIA_TYPES[name])}
    assert not {name for name in UNJUDGED_PROGRAMS if name in registry}
    assert carriers <= {"text/x-sylk"}  # looked at as plain text, not for its formulas


@pytest.mark.parametrize(
    ("name", "extension"),
    [
        ("a.EXE", "exe"),
        ("a.exe. .", "exe"),
        ("a.\uff45xe", "exe"),
        ("a.e\u200bxe", "exe"),
        ("a\u202etxt.exe", "exe"),
        ("archive.tar.gz", "gz"),
        ("README", ""),
        ("", ""),
    ],
)
def test_extension_is_the_one_that_the_system_sees(name: str, extension: str) -> None:
    assert extension_of(name) == extension


def test_lists_of_extensions_are_whole_and_apart() -> None:
    assert (len(DANGEROUS_EXTENSIONS), len(NOISY_EXTENSIONS)) == (283, 37)
    assert not DANGEROUS_EXTENSIONS & NOISY_EXTENSIONS


@pytest.mark.parametrize("unit", [".", "a.", "\u200b.", "{a", "%n", "\ufdfa", ": ", "{0-", "a.exe:"])
def test_cost_grows_with_the_length_of_a_name_and_no_faster(unit: str) -> None:
    def cost(length: int) -> float:
        name = unit * (length // len(unit))
        runs = []
        for _ in range(3):
            begin = time.process_time()
            list(judge_claims(Claim(name=name), None))
            runs.append(time.process_time() - begin)
        return min(runs)

    # Eight times the length costs eight times the time if linear, 64 times if quadratic.
    assert cost(32_000) < 30 * max(cost(4_000), 0.0005)


@given(
    st.none() | st.text(max_size=60),
    st.none() | st.text(max_size=30) | st.sampled_from(sorted(MEDIA_TYPES)),
    st.none() | st.sampled_from(["photo", "video", "document", "sticker", "?"]),
    st.none() | st.sampled_from(sorted(MEDIA_TYPES)),
)
def test_any_claim_gives_findings_of_our_rules(
    name: str | None, declared: str | None, kind: str | None, content: str | None
) -> None:
    assert judged(name, content, declared, kind) <= set(SEVERITY)


@given(st.sampled_from(sorted(MEDIA_TYPES)))
def test_a_type_under_its_own_name_and_declaration_is_never_spoofed(content: str) -> None:
    for extension in MEDIA_TYPES[content].extensions or ("",):
        rules = judged(f"inert.{extension}".rstrip("."), content, content)
        high = {rule for rule in rules if SEVERITY[rule] is not Severity.INFO}
        assert high <= {"claim.program"}
