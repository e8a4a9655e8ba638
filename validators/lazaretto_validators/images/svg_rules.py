"""Everything that the SVG validator can say. SVG 2 is https://www.w3.org/TR/SVG2/, XML 1.0 https://www.w3.org/TR/xml/."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = [
    "ANIMATED_LINK", "CODE", "DATA_LINK", "DOCTYPE", "ENCODED_LINK", "ENCODING", "ENTITY", "EVENT", "EXTERNAL",
    "FOREIGN_OBJECT", "GROWTH", "HANDLER_LINK", "HTML", "RULES", "SCRIPT", "SCRIPT_LINK", "UNBALANCED", "USE_LOOP",
]  # fmt: skip

_TABLE = RuleTable("svg")

SCRIPT = _TABLE.active(
    HIGH,
    "script",
    "The drawing contains a script.",
    "SVG 2 15.10; SVG Tiny 1.2 15.2; threats SVG-01",
    "interactive charts and maps",
)
EVENT = _TABLE.active(
    HIGH,
    "event-handler",
    "The drawing runs code when something happens to it.",
    "SVG 2 15.7; threats SVG-01",
    "interactive charts and maps",
)
SCRIPT_LINK = _TABLE.active(
    HIGH, "script-link", "A link in the drawing runs code.", "SVG 2 15.9; WHATWG URL 4.4; threats SVG-01"
)
ANIMATED_LINK = _TABLE.active(
    HIGH,
    "animated-link",
    "An animation of the drawing changes where a link leads, or what runs when something happens.",
    "SVG Animations 2 2.6; threats SVG-01",
)
HANDLER_LINK = _TABLE.active(
    HIGH,
    "handler-link",
    "The drawing leads to a program of the reader's computer or to a network share.",
    "CVE-2022-30190 and its kind; threats SVG-04",
)
DATA_LINK = _TABLE.active(
    HIGH,
    "data-link",
    "A link or reference in the drawing carries a whole document of its own.",
    "RFC 2397; SVG 2 16.1.5; threats SVG-05",
)
ENCODED_LINK = _TABLE.active(
    HIGH,
    "encoded-link",
    "The address of a link in the drawing is spelt in character numbers, which hides it from filters.",
    "XML 1.0 4.1; threats SVG-05",
)
CODE = _TABLE.active(
    HIGH, "code", "Between the elements of the drawing stands code for a server.", "XML 1.0 2.6; threats NAM-09"
)
EXTERNAL = _TABLE.active(
    MEDIUM,
    "external",
    "The drawing loads something from another place, which learns who looks at it.",
    "SVG 2 16.2; threats SVG-04",
    "charts that use fonts of the web, drawings linked to pictures beside them",
)
HTML = _TABLE.active(
    MEDIUM,
    "html",
    "The drawing contains parts of a web page such as a frame or a form.",
    "SVG 2 12.4; threats SVG-03",
)
FOREIGN_OBJECT = _TABLE.active(
    INFO,
    "foreign-object",
    "The drawing contains content that is no drawing, such as text of a web page.",
    "SVG 2 12.4; threats SVG-03",
    "diagrams of Mermaid and draw.io, which set their labels so",
)
ENTITY = _TABLE.resource(
    HIGH,
    "entity",
    "The drawing declares abbreviations of its own, which can grow without bound or fetch files.",
    "XML 1.0 4.2; CWE-776, CWE-611; threats SVG-02",
    "old drawings that abbreviate colours; those of Adobe Illustrator are known and let through",
)
DOCTYPE = _TABLE.active(
    HIGH,
    "doctype",
    "The drawing refers to a document type of its own at another place.",
    "XML 1.0 2.8; CWE-611; threats SVG-02",
    "old drawings with a private copy of the document type",
)
ENCODING = _TABLE.concealed(
    HIGH,
    "encoding",
    "The drawing declares an encoding in which its markup reads as something else.",
    "XML 1.0 4.3.3, appendix F; threats SVG-05",
)
GROWTH = _TABLE.resource(
    MEDIUM,
    "growth",
    "Showing the drawing takes far more work than its size promises.",
    "SVG 2 5.6; threats SVG-06",
    "patterns that are built of many copies",
)
USE_LOOP = _TABLE.malformed(MEDIUM, "use-loop", "A part of the drawing contains itself.", "SVG 2 5.6; threats SVG-06")
UNBALANCED = _TABLE.malformed(
    MEDIUM,
    "unbalanced",
    "An element of the drawing is closed that was not opened, or not in this order.",
    "XML 1.0 3",
    "drawings that were edited by hand",
)

RULES = _TABLE.rules
