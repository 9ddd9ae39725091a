"""What happened, as rows: of the catalog and of the ledger, in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from bot import ledger
from bot.events import Changed, Happening, Joined, Left, Moved, Queried, Question, Shared, Unshared, Withdrawn
from bot.files import KIND, changed_ns
from rag import Share, drop_share, leave_space, move_space, put_share


def record(connection: Connection, happening: Happening) -> None:
    """The rows that one happening comes down to. Recording it twice leaves the same rows."""
    match happening:
        case Question():
            ledger.put_question(connection, happening)
        case Queried(file, channel):
            ledger.put_query(connection, file, channel)
            drop_share(connection, KIND, [file], channel)
        case Shared():
            _record_share(connection, happening)
        case Unshared(file, channel):
            drop_share(connection, KIND, [file], channel)
        case Withdrawn(channel, ts):
            ledger.withdraw_question(connection, channel, ts)
        case Changed(file):
            ledger.send_errand(connection, "file", file)
        case Joined(channel):
            ledger.send_errand(connection, "channel", channel)
        case Left(channel):
            leave_space(connection, KIND, channel)
        case Moved(old, new):
            move_space(connection, old, new)


def _record_share(connection: Connection, shared: Shared) -> None:
    """A share and, when it is known in which message, its receipt. A picture that was a question stays one."""
    file = shared.file
    if ledger.is_query(connection, file.id, shared.channel):
        return
    put_share(
        connection,
        Share(KIND, file.id, shared.channel, file.name, file.link, shared.user, file.size, changed_ns(file)),
    )
    if shared.ts:
        ledger.want_receipt(connection, shared.channel, shared.ts, file.id, shared.user)
