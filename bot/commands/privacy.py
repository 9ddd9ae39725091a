"""What the bot's own tables tell and forget of people. They may be missing: no bot need ever have run on the folder."""

from __future__ import annotations

from bot.invocation import Engine
from bot.screen import Screen


def forget_asked(rag: Engine, screen: Screen, user: str, channel: str) -> int:
    """Forget what somebody asked, in one conversation or (empty) in all; returns how many questions that were."""
    from bot import ledger, shown  # SQL, which --help has no use for

    rag.upgrade(ledger.MIGRATIONS, ledger.VERSIONS)
    with rag.writing() as connection:
        questions = shown.forget_user(connection, user, channel)
    if not rag.leave_no_trace():
        screen.note("Their words still lie in the catalog's log, which is in use; the running bot clears it.")
    return questions
