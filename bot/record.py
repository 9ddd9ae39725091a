"""What happened, as rows: of the catalog and of the ledger, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot import ledger, line, shown
from bot.conversation import is_meant
from bot.files import KIND, LINK, changed_ns
from bot.happenings import (
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
from bot.moving import move_channel
from bot.surfaces import asides
from bot.surfaces.asides import Aside
from rag import Share, drop_share, leave_space, put_share, shared_in, withhold_share


def record(connection: Connection, happening: Happening, *, links: bool = False) -> None:
    """The rows that one happening comes down to. Recording it twice leaves the same rows.

    `links`: web addresses are fetched and read, as the setting says.
    """
    match happening:
        case Question():
            line.put_question(connection, happening)
        case FollowUp(question, others, pictures):
            _record_follow_up(connection, question, others, pictures)
        case Edited(channel, ts, text):
            line.put_edit(connection, happening)
            shown.reword(connection, channel, ts, text)
        case Queried(file, channel) if not ledger.is_wanted(connection, file, channel):
            ledger.put_query(connection, file, channel)
            _doubt(connection, file, channel)  # another message may share the same picture as a document
        case Shared():
            _record_share(connection, happening)
        case Unshared(file, None, at):
            drop_share(connection, KIND, [file])
            ledger.want_no_longer(connection, file, None)
            ledger.note_departure(connection, file, "", at)
            ledger.send_errand(connection, "gone", "*")
        case Unshared(file, str(channel), at, ts):
            ledger.note_departure(connection, file, channel, at)
            if ts:
                ledger.note_removal(connection, file, channel, ts)
            if not _doubt(connection, file, channel):
                ledger.want_no_longer(connection, file, channel)
        case Linked(url, channel, user, ts) if links:
            # What a page says changes: it is fetched again whenever somebody writes its address.
            written = round(float(ts or 0) * 1e9)
            name = url.partition("://")[2].partition("?")[0].rstrip("/")
            ledger.put_link(connection, url, channel, ts, known=url in shared_in(connection, LINK, channel))
            put_share(connection, Share(LINK, url, channel, name, url, user, changed_ns=written))
        case Unlinked(url, channel, ts):
            if ledger.drop_link(connection, url, channel, ts):
                drop_share(connection, LINK, [url], channel)
        case Withdrawn(channel, ts):
            line.halt_question(connection, channel, ts, line.DELETED)
        case Changed(file):
            ledger.send_errand(connection, "file", file)
        case HomeOpened(user, channel):
            asides.put_aside(connection, Aside(asides.HOME, channel, user))
        case Joined(channel):
            ledger.send_errand(connection, "channel", channel)
        case Left(channel):
            leave(connection, channel)
        case Moved(old, new):
            move_channel(connection, old, new)
        case PersonChanged(_, gone=True):
            # Their direct messages are nobody's any more. Which ones those are, the list of conversations says.
            ledger.send_errand(connection, "all", "*")


def _doubt(connection: Connection, file: str, channel: str) -> bool:
    """Show nothing of a file in a conversation until Slack says whether some other message still shares it there.

    One message went or asked a question with it, but anyone can share and delete a file that others shared before.
    False: it is not shared there.
    """
    if not withhold_share(connection, KIND, file, channel):
        return False
    ledger.send_errand(connection, "file", file)
    return True


def _record_follow_up(connection: Connection, asked: Question, others: bool, pictures: Sequence[str]) -> None:
    """What is said in a thread where Magpie answered; pictures of a question are no files to index."""
    if not line.is_answered(connection, asked.channel, asked.thread):
        return
    own = line.has_asked(connection, asked.channel, asked.thread, asked.user)
    if is_meant(asked.text, own=own, others=others, pictures=bool(pictures)):
        for file in pictures:
            record(connection, Queried(file, asked.channel))
        line.put_question(connection, asked)


def _record_share(connection: Connection, shared: Shared) -> None:
    """A share and, when it is known in which message, its receipt. A picture that was a question stays one."""
    file = shared.file
    if ledger.is_query(connection, file.id, shared.channel):
        return
    if ledger.has_departed(connection, file.id, shared.channel, shared.at):  # events overtake each other
        return
    put_share(
        connection,
        Share(KIND, file.id, shared.channel, file.name, file.link, shared.user, file.size, changed_ns(file)),
    )
    if file.stub and shared.ts:  # of another organisation: what it is called here, only a look at it tells
        ledger.send_errand(connection, "file", file.id)
    if shared.ts:
        ledger.want_receipt(connection, shared.channel, shared.ts, file.id, shared.user)


def leave(connection: Connection, channel: str) -> None:
    """Let go of everything shared in a conversation that Magpie is no longer in."""
    for kind in (KIND, LINK):
        leave_space(connection, kind, channel)
    ledger.drop_links(connection, channel)
    # What was sent there stays as it is: Magpie is there no longer, and what it showed was not deleted.
    shown.drop_evidence(connection, channel=channel)
    ledger.send_errand(connection, "gone", "*")
