"""What is kept of people and files, who was shown what, and forgetting it.

The bot's own tables are empty if no bot ever ran on the folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from bot.cli.invocation import Engine, file_named
from bot.cli.json_output import kept_shape, seen_shape
from bot.cli.terminal import Screen, count, printable
from bot.settings import SlackSettings, read_slack_settings
from rag import NotFound

if TYPE_CHECKING:
    from bot.db.access_log import Seen
    from rag import Kept

_GONE = "(removed with the file)"
_WORDLESS = "(a picture or a button, without words)"


def forget_asked(rag: Engine, screen: Screen, user: str, channel: str) -> int:
    """Forget what somebody asked, in one conversation or (empty) in all; returns how many questions that were."""
    from bot.db import retention  # SQL, which --help does not need

    with rag.writing() as connection:
        questions = retention.forget_user(connection, user, channel)
    if not rag.leave_no_trace():
        screen.note("Their words still lie in the catalog's log, which is in use; the running bot clears it.")
    return questions


# ---------------------------------------------------------------- what is kept


def show_kept(rag: Engine, screen: Screen, folder: Path) -> None:
    """`status --privacy`"""
    rows = [*rag.kept(), *_of_the_bot(rag, folder, read_slack_settings())]
    screen.data(kept_shape(folder, rows))
    if screen.json:
        return
    screen.say("Magpie keeps this, in:", style="bold")
    screen.path(folder)
    screen.say()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim", expand=True, show_lines=True)
    table.add_column("What it holds", ratio=7)
    table.add_column("Where, how much", ratio=5)
    table.add_column("Until when", ratio=6)
    for row in rows:
        what = Text(row.name, style="bold").append(f": {row.holds}", style="not bold")
        much = [_below(row.path, folder), count(row.count, row.unit), *([_size(row.bytes)] if row.bytes else [])]
        table.add_row(what, Text(printable("\n".join(much))), Text(row.until))
    screen.out.print(table)
    screen.say("Magpie writes no log file. What `magpie run` notes on the terminal names no file and no question.")
    screen.say("Slack keeps the questions and answers themselves, as its own settings say.")


def _of_the_bot(rag: Engine, folder: Path, slack: SlackSettings) -> Sequence[Kept]:
    from bot.db import ephemeral_messages, feedback, retention
    from rag import Kept

    with rag.reading() as connection:
        (questions, logged), (receipts, pictures) = retention.counts(connection), retention.traces(connection)
        verdicts, aside = sum(feedback.counts(connection).values()), ephemeral_messages.open_asides(connection)
    until = f"{slack.keep_days} days after the question, or until forgotten"
    scrubbed = f"{until}; its words go with any file that answered it"
    withdrawn = "with the file they show" if slack.withdraw else "for ever: SLACK_WITHDRAW is false"
    messages = f"{slack.keep_days} days after the message, or until forgotten"

    def row(name: str, number: int, unit: str, holds: str, until: str) -> Kept:
        return Kept(name, folder / "catalog.db", number, unit, None, holds, until)

    shown_to = "who was shown which document, by its SHA-256, for which question, under which scope"
    posted = "which picture that Magpie posted shows which document; the pictures are in Slack"
    called = "who called which answer good or bad, with the question, the answer, and its pages by number"
    told = "what somebody asked for with the command or a shortcut, and was not told yet"
    return [
        row("questions", questions, "question", "who asked what, where and when", scrubbed),
        row("log of access", logged, "line", shown_to, scrubbed),
        row("feedback", verdicts, "word", called, scrubbed),
        row("asides", aside, "row", told, "until it is told, or half an hour"),
        row("receipts", receipts, "receipt", "who shared which file id in which message", messages),
        row("pictures in Slack", pictures, "picture", posted, withdrawn),
    ]


def _below(path: Path, folder: Path) -> str:
    return "here" if path == folder else str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} KB"


# ---------------------------------------------------------------- who was shown what


def show_access(rag: Engine, screen: Screen, name: str) -> None:
    """`status --access FILE`. Raise NotFound for what is no file here, no name, and no beginning of a SHA-256."""
    from bot.db import access_log

    days = read_slack_settings().keep_days
    known = _meant(rag, name)
    with rag.reading() as connection:
        found = [one for sha256 in known for one in access_log.seen(connection, sha256)]
    found.sort(key=lambda one: one.at, reverse=True)
    screen.data(seen_shape(known, found, days))
    if not found:
        screen.say(f"Nobody was shown anything of it, as far as the log goes back ({days} days).")
        return
    times = len({(one.channel, one.ts) for one in found})
    screen.say(f"Shown in {'one reply' if times == 1 else f'{times:,} replies'} of the last {days} days.", style="bold")
    for one in found:
        _show(screen, one)


def _show(screen: Screen, one: Seen) -> None:
    when = datetime.fromtimestamp(one.at).astimezone()
    screen.say()
    screen.say(f"{when:%Y-%m-%d %H:%M}  {one.user} asked in {one.channel}", style="bold")
    screen.say(f"Question: {_GONE if one.removed else one.text or _WORDLESS}", indent=2)
    screen.say(f"Scope: {one.scope}", indent=2)
    screen.say(f"The file was shared in: {', '.join(one.spaces)}", indent=2)
    screen.say(f"SHA-256: {one.sha256}", indent=2, style="dim")


def _meant(rag: Engine, name: str) -> list[str]:
    """SHA-256 sums, or beginnings of them."""
    from rag import documents_named

    path = file_named(name)
    meant = [] if path is None else [_sha256(path)]
    with rag.reading() as connection:
        meant += documents_named(connection, name)
        meant += [] if path is None else documents_named(connection, str(path.resolve()))
    if re.fullmatch(r"[0-9a-fA-F]{8,64}", name) and not any(one.startswith(name.lower()) for one in meant):
        meant.append(name.lower())
    if not meant:
        raise NotFound(
            f"Nothing is known by the name {name!r}.",
            "What is gone has no name here any more: give the file itself, or 8 digits of its SHA-256.",
        )
    return list(dict.fromkeys(meant))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
