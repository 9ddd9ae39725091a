"""What happened, as rows: of the catalog and of the ledger, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.access import access_log
from bot.answers import queue
from bot.answers.history import is_meant
from bot.db import ephemeral_messages, tables
from bot.db.channel_ids import move_channel
from bot.db.ephemeral_messages import Aside
from bot.slack import messages
from bot.slack.events import (
    Changed,
    Edited,
    FollowUp,
    Happening,
    HomeOpened,
    Joined,
    Left,
    Linked,
    Moved,
    PersonChanged,
    Queried,
    Question,
    Shared,
    Unlinked,
    Unshared,
    Withdrawn,
)
from bot.slack.files import KIND, LINK, changed_ns
from rag import Share, drop_share, files_waiting, is_shared, leave_space, put_share, shared_in, withhold_share

_MINUTE = 60.0


def record(  # noqa: C901 - one case for each kind of event
    connection: Connection, happening: Happening, *, links: bool = False, waiting: int = 0, files: int = 0
) -> None:
    """The rows that one happening comes down to. Recording it twice leaves the same rows.

    `links`: web addresses are fetched and read, as the setting says. `waiting`: the most questions of one person that
    may wait, `files`: the most of their files that may wait to be read; 0: no limit.
    """
    match happening:
        case Question():
            _record_question(connection, happening, waiting)
        case FollowUp(question, others, pictures):
            _record_follow_up(connection, question, others, pictures, waiting)
        case Edited(channel, ts, text):
            queue.put_edit(connection, happening)
            access_log.reword(connection, channel, ts, text)
        case Queried(file, channel) if not tables.is_wanted(connection, file, channel):
            tables.put_query(connection, file, channel)
            _doubt(connection, file, channel)  # another message may share the same picture as a document
        case Shared():
            _record_share(connection, happening, files)
        case Unshared(file, None, at):
            drop_share(connection, KIND, [file])
            tables.want_no_longer(connection, file, None)
            tables.note_departure(connection, file, "", at)
            tables.send_errand(connection, "gone", "*")
        case Unshared(file, str(channel), at, ts):
            tables.note_departure(connection, file, channel, at)
            if ts:
                tables.note_removal(connection, file, channel, ts)
            if not _doubt(connection, file, channel):
                tables.want_no_longer(connection, file, channel)
        case Linked(url, channel, user, ts) if links and has_room(connection, user, files):
            # What a page says changes: it is fetched again whenever somebody writes its address.
            written = round(float(ts or 0) * 1e9)
            name = url.partition("://")[2].partition("?")[0].rstrip("/")
            tables.put_link(connection, url, channel, ts, known=url in shared_in(connection, LINK, channel))
            put_share(connection, Share(LINK, url, channel, name, url, user, changed_ns=written))
        case Unlinked(url, channel, ts):
            if tables.drop_link(connection, url, channel, ts):
                drop_share(connection, LINK, [url], channel)
        case Withdrawn(channel, ts):
            queue.halt_question(connection, channel, ts, queue.DELETED)
        case Changed(file):
            tables.send_errand(connection, "file", file)
        case HomeOpened(user, channel):
            ephemeral_messages.put_aside(connection, Aside(ephemeral_messages.HOME, channel, user))
        case Joined(channel):
            tables.send_errand(connection, "channel", channel)
        case Left(channel):
            leave(connection, channel)
        case Moved(old, new):
            move_channel(connection, old, new)
        case PersonChanged(_, gone=True):
            # Their direct messages are nobody's any more. Which ones those are, the list of conversations says.
            tables.send_errand(connection, "all", "*")


def _doubt(connection: Connection, file: str, channel: str) -> bool:
    """Show nothing of a file in a conversation until Slack says whether some other message still shares it there.

    One message went or asked a question with it, but anyone can share and delete a file that others shared before.
    False: it is not shared there.
    """
    if not withhold_share(connection, KIND, file, channel):
        return False
    tables.send_errand(connection, "file", file)
    return True


def _record_question(connection: Connection, asked: Question, waiting: int) -> None:
    """A question that is one too many is refused, and who asked is told so, once a minute."""
    told = queue.refused_lately(connection, asked.user, _MINUTE)
    if not queue.put_question(connection, asked, waiting) and not told:
        text = messages.too_many_waiting(waiting)
        ephemeral_messages.say_once(
            connection, Aside(ephemeral_messages.SAY, asked.channel, asked.user, text, asked.thread)
        )


def _record_follow_up(
    connection: Connection, asked: Question, others: bool, pictures: Sequence[str], waiting: int
) -> None:
    """What is said in a thread where Magpie answered; pictures of a question are no files to index."""
    if not queue.is_answered(connection, asked.channel, asked.thread):
        return
    own = queue.has_asked(connection, asked.channel, asked.thread, asked.user)
    if is_meant(asked.text, own=own, others=others, pictures=bool(pictures)):
        for file in pictures:
            record(connection, Queried(file, asked.channel))
        _record_question(connection, asked, waiting)


def has_room(connection: Connection, user: str, files: int) -> bool:
    """Return whether one more file of this person may wait to be read; 0: any number may."""
    return not files or not user or files_waiting(connection, user) < files


def _record_share(connection: Connection, shared: Shared, files: int) -> None:
    """A share and, when it is known in which message, its receipt. A picture that was a question stays one."""
    file = shared.file
    if tables.is_query(connection, file.id, shared.channel):
        return
    if tables.has_departed(connection, file.id, shared.channel, shared.at):  # events overtake each other
        return
    if not has_room(connection, shared.user, files) and not is_shared(connection, KIND, file.id):
        say = Aside(ephemeral_messages.SAY, shared.channel, shared.user, messages.too_many_files(files))
        ephemeral_messages.say_once(connection, say)
        return
    put_share(
        connection,
        Share(KIND, file.id, shared.channel, file.name, file.link, shared.user, file.size, changed_ns(file)),
    )
    if file.stub and shared.ts:  # of another organisation: what it is called here, only a look at it tells
        tables.send_errand(connection, "file", file.id)
    if shared.ts:
        tables.want_receipt(connection, shared.channel, shared.ts, file.id, shared.user)


def leave(connection: Connection, channel: str) -> None:
    """Let go of everything shared in a conversation that Magpie is no longer in."""
    for kind in (KIND, LINK):
        leave_space(connection, kind, channel)
    tables.drop_links(connection, channel)
    # What was sent there stays as it is: Magpie is there no longer, and what it showed was not deleted.
    access_log.drop_evidence(connection, channel=channel)
    tables.send_errand(connection, "gone", "*")
