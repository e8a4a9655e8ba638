"""What people type to the bot. One module a subject, each with a table of its commands; `dispatch` finds them.

Every command is also a word of `/lazaretto`: `/lazaretto cases` is `/cases`. In an application of somebody else's only
the former is ours, so that it meets none of the host's.
"""

from collections.abc import Sequence

from lazaretto.telegram.commands.audit import AuditLog
from lazaretto.telegram.commands.card_pages import CardPages
from lazaretto.telegram.commands.cases import Cases
from lazaretto.telegram.commands.desk import Desk, Section
from lazaretto.telegram.commands.doctor import Doctor
from lazaretto.telegram.commands.drill import Drill
from lazaretto.telegram.commands.help import Help
from lazaretto.telegram.commands.menu import Menu
from lazaretto.telegram.commands.privacy import PrivacyPages

__all__ = ["sections_of"]


def sections_of(desk: Desk) -> Sequence[Section]:
    """All commands there are, in the order in which Telegram lists them."""
    sections: tuple[Section, ...] = (
        Menu(desk),
        Cases(desk),
        AuditLog(desk),
        CardPages(desk),
        Doctor(desk),
        Drill(desk),
        PrivacyPages(desk),
    )
    return (*sections, Help([command for section in sections for command in section.commands]))
