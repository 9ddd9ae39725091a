"""Handlers of the jobs that show something to one person: replies to commands and shortcuts, notices, Home.

In a conversation that Magpie is not in, the reply is sent to Slack's response_url.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.access.policy import Access, Granted
from bot.answers.button_requests import SIMILAR
from bot.answers.file_list import LISTED as FILES_LISTED
from bot.answers.file_list import files_reply
from bot.answers.limits import apply_limits
from bot.answers.page_list import LISTED, found_reply
from bot.answers.render import Reply, plain_reply
from bot.answers.task import join
from bot.answers.unanswered import group_questions, standing_groups
from bot.answers.understanding import with_names
from bot.answers.unread_files import Unread, with_unread
from bot.db import access_log, channel_settings, jobs, questions, receipts
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import Job, JobKind
from bot.db.unanswered import list_unanswered
from bot.jobs.channel_settings import setting_lines
from bot.slack.blocks import break_links, sections
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import Question, SlackFile
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, NotReady, SlackFiles, changed_ns, channels_of
from bot.slack.home import ConversationSummary, UnansweredLine, home_view, summary_lines
from bot.slack.messages import answer_texts, command_texts, home_texts
from bot.slack.messages.limit_texts import day_of
from rag import (
    NotFound,
    Rag,
    Scope,
    Share,
    ShareState,
    documents_allowed,
    list_shared_files,
    put_share,
    source_statuses_in,
)

MAX_AGE = 25 * 60.0
"""Seconds after which a request is given up: a response_url expires after half an hour."""

_MAX_COMPOSED = 3
"""How often a reply is composed if the documents it uses change before it is shown."""


class EphemeralMessages:
    """Handlers of the jobs that show something to one person. One thread may call them at a time."""

    def __init__(
        self,
        client: SlackClient,
        rag: Rag,
        files: SlackFiles,
        access: Access,
        me: str,
        waiting: int = 0,
        source: str = "",
    ) -> None:
        """`waiting`: the number of open questions one person may have; 0: no limit. `source`: the offer of the source
        code, shown on Home."""
        self._waiting = waiting
        self._client = client
        self._rag = rag
        self._files = files
        self._access = access
        self._me = me
        self._source = source

    def handle(self, job: Job) -> None:
        request = EphemeralRequest.of(job)
        match request.kind:
            case JobKind.SAY:
                self._send(request, plain_reply(request.text))
            case JobKind.HOME:
                self._show_home(request)
            case JobKind.SIMILAR:
                self._ask_similar(request)
            case _:
                self._send(request, self._compose(request))

    def _compose(self, request: EphemeralRequest) -> Reply:
        """Return the reply, or a refusal if the person is not in the conversation. A response_url reaches people who
        left, so membership is checked again after the reply was composed."""
        if not self._is_here(request.channel):
            return plain_reply(command_texts.NOT_IN_CONVERSATION)
        if not self._access.is_member(request.channel, request.user):
            return plain_reply(
                command_texts.NOT_INDEXED if request.kind == JobKind.INDEX else command_texts.NOT_A_MEMBER
            )
        replies = {JobKind.FIND: self._find, JobKind.STATUS: self._status, JobKind.INDEX: self._index}
        reply = replies[request.kind](request)
        self._access.invalidate_members(request.channel)
        is_member = self._access.is_member(request.channel, request.user)
        return reply if is_member else plain_reply(command_texts.NOT_A_MEMBER)

    # ------------------------------------------------------------ showing

    def _send(self, request: EphemeralRequest, reply: Reply) -> None:
        try:
            self._client.post_ephemeral(request.channel, request.user, reply.text, reply.blocks, thread=request.thread)
        except Refused:
            if not request.url:
                raise
            # Slack checks membership before it shows an ephemeral message, but not for a response_url.
            denials = (command_texts.NOT_IN_CONVERSATION, command_texts.NOT_A_MEMBER, command_texts.NOT_INDEXED)
            recheck = request.kind != JobKind.SAY and reply.text not in denials
            reply = self._compose(request) if recheck else reply
            self._client.respond(request.url, reply.text, reply.blocks)

    def _is_here(self, channel: str) -> bool:
        """Return whether Magpie is in a conversation."""
        try:
            conversation = self._client.get_conversation(channel)
        except Refused:
            return False
        return bool(conversation.get("is_member") or conversation.get("is_im"))

    # ------------------------------------------------------------ the command

    def _find(self, request: EphemeralRequest) -> Reply:
        """Return the best pages in the scope of this conversation. It is the scope of a public reply, although only one
        person sees this one."""
        for _ in range(_MAX_COMPOSED):
            granted = self._access.granted(request.channel, request.user)
            [words] = with_names(self._access, [request.text], granted.scope)
            asked = Question(request.channel, f"{request.at:.6f}", "", request.user, words)
            reply = self._found(request, asked, granted)
            granted = self._access.granted(request.channel, request.user)
            with self._rag.write_transaction() as connection:
                found = documents_allowed(connection, reply.documents, granted.scope)
                named = access_log.are_names_current(connection, reply.used, granted.scope)
                if named and {row.document for row in found} == set(reply.documents):
                    why = f"{granted.why}; shown to the asker only"
                    access_log.log_access(connection, asked, found, why, [request.user])
                    return reply
        return plain_reply(answer_texts.CHANGED_MEANWHILE)

    def _found(self, request: EphemeralRequest, asked: Question, granted: Granted) -> Reply:
        """Return the best pages within the limits in the words; a list of files if there are only limits."""
        names, at = self._access.names(asked.user, granted.scope), request.at
        limited = apply_limits(asked, request.text, granted.scope, names, at)
        remark = join(granted.notice, limited.remark)
        [words] = with_names(self._access, [limited.text], granted.scope)
        if words:
            found = self._rag.find(words, limited.scope, LISTED)
            unread = Unread() if found.found else Unread.of(self._rag, limited.scope)
            return with_unread(found_reply(found, words, remark, names, at), unread, has_button=False)
        with self._rag.read_transaction() as connection:
            files = list_shared_files(connection, limited.scope, FILES_LISTED + 1)
        return files_reply(files, remark, names, at, has_buttons=False)

    def _status(self, request: EphemeralRequest) -> Reply:
        with self._rag.read_transaction() as connection:
            summary = ConversationSummary.of(request.channel, source_statuses_in(connection, request.channel))
            settings = channel_settings.find(connection, request.channel)
        text = "\n".join([*summary_lines(summary), *setting_lines(settings)])
        return Reply(break_links(text), sections(text))

    # ------------------------------------------------------------ Home

    def _show_home(self, request: EphemeralRequest) -> None:
        granted = self._access.granted(request.channel, request.user)
        summaries: list[ConversationSummary] | None = None
        if not granted.notice:
            with self._rag.read_transaction() as connection:
                spaces = sorted(granted.scope.spaces or ())
                summaries = [ConversationSummary.of(space, source_statuses_in(connection, space)) for space in spaces]
        view = home_view(summaries, self._unavailable(), self._source, self._unanswered(request.user))
        self._client.publish_home(request.user, view)

    def _unanswered(self, user: str) -> list[UnansweredLine]:
        """Return the questions without an answer in the channels that an admin is in; none for other people."""
        channels = self._access.channels_of_admin(user)
        if not channels:
            return []
        with self._rag.read_transaction() as connection:
            found = list_unanswered(connection, channels)
        groups = standing_groups(group_questions(found), self._client, self._me)
        zone = self._access.names(user, Scope.of(*channels)).zone
        return [
            UnansweredLine(
                group.text,
                len(group.questions),
                day_of(datetime.fromtimestamp(group.newest.asked_at, zone), datetime.now(zone).date()),
                group.newest.channel,
            )
            for group in groups
        ]

    def _unavailable(self) -> list[str]:
        settings = self._rag.settings
        unavailable = [] if settings.answer.model else [home_texts.NO_MODEL]
        unavailable += home_texts.searches_off([lane for lane, state in self._rag.lanes().items() if state != "on"])
        unavailable += self._rag.intake_problems()
        return unavailable

    # ------------------------------------------------------------ shortcuts

    def _ask_similar(self, request: EphemeralRequest) -> None:
        """Ask a question that is answered in the direct message with the person."""
        direct = self._client.open_direct_message(request.user)
        about = {
            "channel": request.channel,
            "ts": request.about["ts"],
            "text": request.text,
            "link": self._link(request),
        }
        files = tuple(str(file) for file in request.about.get("files", ()))
        press = str(request.about.get("press") or f"{request.at:.6f}")
        asked = Question(direct, press, "", request.user, "", files, SIMILAR, about)
        with self._rag.write_transaction() as connection:
            accepted = questions.put_question(connection, asked, self._waiting)
        if not accepted:
            self._send(request, plain_reply(command_texts.too_many_waiting(self._waiting)))

    def _link(self, request: EphemeralRequest) -> str:
        """Return the message's permalink; empty if Magpie has no access to it."""
        try:
            return self._client.get_permalink(request.channel, str(request.about["ts"]))
        except Refused:
            return ""

    def _index(self, request: EphemeralRequest) -> Reply:
        """Index every readable file of the message in this conversation, including pictures sent as a question. Return
        a summary."""
        if not request.about.get("files"):
            return plain_reply(command_texts.NO_FILES)
        readable: list[SlackFile] = []
        skipped: list[str] = []
        for id in request.about["files"]:
            try:
                raw = self._files.ready(str(id))
            except NotReady:
                skipped.append(command_texts.FILE_NOT_READY)
                continue
            except NotFound:
                skipped.append(command_texts.FILE_UNREACHABLE)
                continue
            file = slack_file(raw)
            if request.channel not in channels_of(raw):
                skipped.append(command_texts.FILE_UNREACHABLE)
            elif file.user == self._me:
                skipped.append(command_texts.OWN_FILE)
            elif not file.readable:
                skipped.append(command_texts.unsupported_file(file.name))
            else:
                readable.append(file)
        ts = str(request.about["ts"])
        with self._rag.write_transaction() as connection:
            quiet = channel_settings.find(connection, request.channel).quiet
            requested = [file.name for file in readable if self._put_requested(connection, request, file, ts)]
        if len(requested) < len(readable):
            skipped.append(command_texts.FILE_UNREACHABLE)
        indexed = [command_texts.indexing(requested, quiet=quiet)] if requested else []
        return plain_reply(" ".join([*indexed, *dict.fromkeys(skipped)]))

    def _put_requested(self, connection: Connection, request: EphemeralRequest, file: SlackFile, ts: str) -> bool:
        """Share a file for the index although it may have been sent as a question, and request its receipt. Return
        False if an event reported that the message or the file was deleted."""
        user = file.user or request.user
        share = Share(
            KIND,
            file.id,
            request.channel,
            file.name,
            file.link,
            user,
            file.size,
            changed_ns(file),
            message=ts,
            thread=request.thread if request.thread != ts else "",
            shared_at=questions.seconds_of(ts),
            requested=True,
        )
        state = put_share(connection, share)
        if state not in (ShareState.SHARED, ShareState.CHECKING):
            return False
        if state is ShareState.CHECKING:
            jobs.request(connection, JobKind.CHECK_FILE, key=file.id)
        receipts.request_receipt(connection, request.channel, ts, file.id, user)
        # A forgotten share has lost the words of its message, and those in the request can be older than an edit.
        jobs.request(connection, JobKind.READ_MESSAGE, request.channel, f"{ts}:{share.thread}")
        return True
