"""`magpie status --privacy` and `--access`: what is stored, and who was shown a file.

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

from bot.cli.context import Engine, existing_file
from bot.cli.json_output import access_json, stored_json
from bot.cli.terminal import Screen, count, printable
from rag import NotFound

if TYPE_CHECKING:
    from bot.db.access_log import AccessEntry
    from bot.settings import SlackSettings
    from rag import StoredData

_REMOVED = "(removed with the file)"
_NO_TEXT = "(only a picture or a button)"
_EVENTS_KEPT = "2 days"


# ---------------------------------------------------------------- what is stored


def show_stored(rag: Engine, screen: Screen, folder: Path) -> None:
    """Print what is stored where, and for how long."""
    from bot.settings import read_slack_settings

    rows = [*rag.list_stored_data(), *_stored_by_bot(rag, folder, read_slack_settings(folder))]
    screen.write_json(stored_json(folder, rows))
    if screen.json:
        return
    screen.say("Magpie stores this data, in:", style="bold")
    screen.path(folder)
    screen.say()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim", expand=True, show_lines=True)
    table.add_column("What", ratio=7)
    table.add_column("Where and how much", ratio=5)
    table.add_column("How long", ratio=6)
    for row in rows:
        content = Text(row.name, style="bold").append(f": {row.holds}", style="not bold")
        place = [_relative(row.path, folder), count(row.count, row.unit), *([_size(row.bytes)] if row.bytes else [])]
        table.add_row(content, Text(printable("\n".join(place))), Text(row.until))
    screen.out.print(table)
    screen.say("Magpie writes no log file. The messages of `magpie run` contain no file names and no questions.")
    screen.say("Slack stores the questions and answers themselves, as long as its own settings say.")


def _stored_by_bot(rag: Engine, folder: Path, slack: SlackSettings) -> Sequence[StoredData]:
    from bot.db import (
        answer_again,
        api_tokens,
        channel_settings,
        ephemeral_messages,
        feedback,
        notices,
        retention,
        viewed_channels,
    )
    from rag import StoredData

    with rag.read_transaction() as connection:
        (questions, logged), (receipts, pictures) = (
            retention.counts(connection),
            retention.count_messages_and_pictures(connection),
        )
        verdicts, aside = (
            sum(feedback.counts(connection).values()),
            ephemeral_messages.count_ephemeral_requests(connection),
        )
        notified = notices.count(connection)
        again, tokens = answer_again.count(connection), api_tokens.count(connection)
        viewed = viewed_channels.count(connection)
        settings = channel_settings.count(connection)
        events, swept = retention.count_events(connection), retention.count_conversations(connection)
    after_notice = f"{slack.keep_days} days, or until forgotten"
    after_question = f"{slack.keep_days} days after the question, or until forgotten"
    scrubbed = f"{after_question}; its text is removed with any file that answered it"
    withdrawn = "until the file they show is deleted" if slack.withdraw else "forever, because SLACK_WITHDRAW is false"
    after_message = f"{slack.keep_days} days after the message, or until forgotten"

    def row(name: str, number: int, unit: str, holds: str, until: str) -> StoredData:
        return StoredData(name, folder / "catalog.db", number, unit, None, holds, until)

    shown = "which document (by SHA-256) was used for whose question, under which scope, and who could read the reply"
    posted = "which picture that Magpie posted shows which document; the pictures themselves are in Slack"
    rated = "who rated which answer good or bad, with the question, the answer and its page numbers"
    revisions = "conversation, time and last edit of recent messages; no text, no person"
    later = "whose question is answered again when which file ids are read"
    called = "the person each acts for, or the spaces it may search, and a hash of it"
    set_by = "what is set for a channel, who set it last, and the ids of those who may ask there, if not everyone may"
    after_end = f"{slack.keep_days} days after it ended, or until its person is forgotten"
    pending = "requests made with the command or a shortcut that are not answered yet"
    return [
        row("questions", questions, "question", "who asked what, where and when", scrubbed),
        row("log of access", logged, "row", shown, scrubbed),
        row("feedback", verdicts, "rating", rated, scrubbed),
        row("asides", aside, "request", pending, "until answered, at most half an hour"),
        row("questions to answer again", again, "question", later, "until answered, at most a day; or until forgotten"),
        row("notices", notified, "notice", "about which kinds of files a person was notified", after_notice),
        row("viewed channels", viewed, "person", "which channel a person looks at, if the app is an agent", "a day"),
        row("settings of channels", settings, "channel", set_by, "until Magpie leaves the channel"),
        row("tokens of other tools", tokens, "token", called, after_end),
        row("receipts", receipts, "receipt", "who shared which file id in which message", after_message),
        row("pictures in Slack", pictures, "picture", posted, withdrawn),
        row("pictures being uploaded", events.uploads, "picture", "file ids of pictures of an answer", "until shared"),
        row("events", events.deliveries, "event", "ids of the events that Slack delivered", _EVENTS_KEPT),
        row("revisions of messages", events.messages, "message", revisions, _EVENTS_KEPT),
        row("conversations", swept, "conversation", "when each was swept, without names", "until Magpie leaves it"),
        row("workspace", events.workspaces, "workspace", "whose data the folder holds: two ids", "with the folder"),
    ]


def _relative(path: Path, folder: Path) -> str:
    return "here" if path == folder else str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} KB"


# ---------------------------------------------------------------- who was shown a file


def show_access(rag: Engine, screen: Screen, folder: Path, name: str) -> None:
    """Print which replies used a file, for whose questions, and who could read them, newest first.

    `name` is a path, a name, a Slack id or the start of a SHA-256. Raise NotFound if it is none of these.
    """
    from bot.db import access_log
    from bot.settings import read_slack_settings

    days = read_slack_settings(folder).keep_days
    known = _find_sha256(rag, name)
    with rag.read_transaction() as connection:
        found = [row for sha256 in known for row in access_log.list_accesses(connection, sha256)]
    found.sort(key=lambda row: row.at, reverse=True)
    screen.write_json(access_json(known, found, days))
    if not found:
        screen.say(f"No answer has used this file in the last {days} days.")
        return
    replies = len({(row.channel, row.ts) for row in found})
    shown = "one reply" if replies == 1 else f"{replies:,} replies"
    screen.say(f"Used in {shown} in the last {days} days.", style="bold")
    for row in found:
        _show(screen, row)


def _show(screen: Screen, row: AccessEntry) -> None:
    at = datetime.fromtimestamp(row.at).astimezone()
    screen.say()
    screen.say(f"{at:%Y-%m-%d %H:%M}  {row.user} asked {row.where}", style="bold")
    screen.say(f"Question: {_REMOVED if row.removed else row.text or _NO_TEXT}", indent=2)
    screen.say(f"Scope: {row.scope}", indent=2)
    screen.say(f"The reply could be read by: {_readers(row)}", indent=2)
    screen.say(f"The file was shared in: {', '.join(row.spaces)}", indent=2)
    screen.say(f"SHA-256: {row.sha256}", indent=2, style="dim")


def _readers(row: AccessEntry) -> str:
    if row.readers is None:
        return "everyone in the conversation at that time"
    return ", ".join(row.readers) or "only the asker"


def _find_sha256(rag: Engine, name: str) -> list[str]:
    """Return the SHA-256 sums, or starts of them, that a name stands for."""
    from rag import documents_named

    path = existing_file(name)
    found = [] if path is None else [_sha256(path)]
    with rag.read_transaction() as connection:
        found += documents_named(connection, name)
        found += [] if path is None else documents_named(connection, str(path.resolve()))
    if re.fullmatch(r"[0-9a-fA-F]{8,64}", name) and not any(sha256.startswith(name.lower()) for sha256 in found):
        found.append(name.lower())
    if not found:
        raise NotFound(
            f"No indexed file is called {name!r}.",
            "A removed file has no name here anymore. Name the file on your disk, or the first 8 digits of its "
            "SHA-256.",
        )
    return list(dict.fromkeys(found))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
