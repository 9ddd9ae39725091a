"""Store Slack's events as rows of the catalog and of the bot's tables, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.answers.history import is_question_to_magpie
from bot.db import access_log, ephemeral_messages, file_states, jobs, questions, receipts
from bot.db import links as link_rows
from bot.db.channel_ids import move_channel
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import JobKind
from bot.db.questions import Cancellation
from bot.slack import messages
from bot.slack.events import (
    Edited,
    Event,
    FileChanged,
    FollowUp,
    HomeOpened,
    Joined,
    Left,
    Linked,
    MessageDeleted,
    Moved,
    PersonChanged,
    Queried,
    Question,
    Shared,
    Unlinked,
    Unshared,
)
from bot.slack.files import KIND, LINK, changed_ns
from rag import Share, drop_share, files_waiting, hide_share, is_shared, leave_space, put_share, shared_in

_MINUTE = 60.0


def record(  # noqa: C901 - one case for each kind of event
    connection: Connection, event: Event, *, links: bool = False, waiting: int = 0, files: int = 0
) -> None:
    """Record one event. Recording it again changes nothing.

    `links`: index linked web pages. `waiting`: the number of open questions one person may have; `files`: the number
    of their files that may wait to be indexed; 0: no limit.
    """
    match event:
        case Question():
            _record_question(connection, event, waiting)
        case FollowUp(question, others, pictures):
            _record_follow_up(connection, question, others, pictures, waiting)
        case Edited(channel, ts, text):
            questions.put_edit(connection, event)
            access_log.update_question_text(connection, channel, ts, text)
        case Queried(file, channel) if not file_states.is_wanted(connection, file, channel):
            file_states.put_query(connection, file, channel)
            _withhold(connection, file, channel)  # another message may share the same picture as a document
        case Shared():
            _record_share(connection, event, files)
        case Unshared(file, None, at):
            drop_share(connection, KIND, [file])
            file_states.drop_wanted(connection, file, None)
            file_states.put_departure(connection, file, "", at)
            jobs.request(connection, JobKind.PURGE)
        case Unshared(file, str(channel), at, ts):
            file_states.put_departure(connection, file, channel, at)
            if ts:
                file_states.put_removal(connection, file, channel, ts)
            if not _withhold(connection, file, channel):
                file_states.drop_wanted(connection, file, channel)
        case Linked(url, channel, user, ts) if links and may_queue_file(connection, user, files):
            # Web pages change: a page is fetched again whenever a message links to it.
            written_ns = round(float(ts or 0) * 1e9)
            name = url.partition("://")[2].partition("?")[0].rstrip("/")
            link_rows.put_link(connection, url, channel, ts, known=url in shared_in(connection, LINK, channel))
            put_share(connection, Share(LINK, url, channel, name, url, user, changed_ns=written_ns))
        case Unlinked(url, channel, ts):
            if link_rows.drop_link(connection, url, channel, ts):
                drop_share(connection, LINK, [url], channel)
        case MessageDeleted(channel, ts):
            questions.cancel_question(connection, channel, ts, Cancellation.DELETED)
        case FileChanged(file):
            jobs.request(connection, JobKind.CHECK_FILE, key=file)
        case HomeOpened(user, channel):
            ephemeral_messages.put_ephemeral_request(connection, EphemeralRequest(JobKind.HOME, channel, user))
        case Joined(channel):
            jobs.request(connection, JobKind.SWEEP_CHANNEL, channel)
        case Left(channel):
            leave(connection, channel)
        case Moved(old, new):
            move_channel(connection, old, new)
        case PersonChanged(_, deactivated=True):
            # Their direct messages have no reader now; the sweep finds these in the list of conversations.
            jobs.request(connection, JobKind.SWEEP)


def _withhold(connection: Connection, file: str, channel: str) -> bool:
    """Withhold a file in a conversation until Slack confirms that another message still shares it there.

    Only one message was deleted, or asked a question with the file; other people may have shared the same file there.
    Return False if the file is not shared there.
    """
    if not hide_share(connection, KIND, file, channel):
        return False
    jobs.request(connection, JobKind.CHECK_FILE, key=file)
    return True


def _record_question(connection: Connection, asked: Question, waiting: int) -> None:
    """Record a question. Beyond the limit it is refused; the asker is notified at most once a minute."""
    notified = questions.was_refused_recently(connection, asked.user, _MINUTE)
    if not questions.put_question(connection, asked, waiting) and not notified:
        text = messages.too_many_waiting(waiting)
        notice = EphemeralRequest(JobKind.SAY, asked.channel, asked.user, text, asked.thread)
        ephemeral_messages.say_once(connection, notice)


def _record_follow_up(
    connection: Connection, asked: Question, others: bool, pictures: Sequence[str], waiting: int
) -> None:
    """Record a reply without a mention as a question if it is one, in a thread where Magpie answered.

    Its pictures are not indexed then.
    """
    if not questions.is_answered(connection, asked.channel, asked.thread):
        return
    own = questions.has_asked(connection, asked.channel, asked.thread, asked.user)
    if is_question_to_magpie(asked.text, own=own, others=others, pictures=bool(pictures)):
        for file in pictures:
            record(connection, Queried(file, asked.channel))
        _record_question(connection, asked, waiting)


def may_queue_file(connection: Connection, user: str, files: int) -> bool:
    """Return whether this person has fewer than `files` files waiting to be indexed; 0: no limit."""
    return not files or not user or files_waiting(connection, user) < files


def _record_share(connection: Connection, shared: Shared, files: int) -> None:
    """Record a share and, if its message is known, request its receipt. A picture sent as a question is not indexed."""
    file = shared.file
    if file_states.is_query(connection, file.id, shared.channel):
        return
    if file_states.has_departed(connection, file.id, shared.channel, shared.at):  # events may arrive out of order
        return
    if not may_queue_file(connection, shared.user, files) and not is_shared(connection, KIND, file.id):
        notice = EphemeralRequest(JobKind.SAY, shared.channel, shared.user, messages.too_many_files(files))
        ephemeral_messages.say_once(connection, notice)
        return
    put_share(
        connection,
        Share(KIND, file.id, shared.channel, file.name, file.link, shared.user, file.size, changed_ns(file)),
    )
    if file.stub and shared.ts:  # a file of another organization: only files.info returns its name
        jobs.request(connection, JobKind.CHECK_FILE, key=file.id)
    if shared.ts:
        receipts.request_receipt(connection, shared.channel, shared.ts, file.id, shared.user)


def leave(connection: Connection, channel: str) -> None:
    """Drop every share of a conversation that Magpie is no longer in."""
    for kind in (KIND, LINK):
        leave_space(connection, kind, channel)
    link_rows.drop_links(connection, channel)
    # Magpie's pictures stay in Slack: it cannot delete them there, and their documents were not deleted.
    access_log.drop_evidence(connection, channel=channel)
    jobs.request(connection, JobKind.PURGE)
