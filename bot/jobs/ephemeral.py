"""What is shown to one person only: replies to commands and shortcuts, notices, Home. Handlers of jobs.

Where Magpie is not in the conversation, the reply goes to Slack's response_url.
"""

from __future__ import annotations

from bot.access.policy import Access
from bot.answers.button_requests import SIMILAR
from bot.answers.page_list import LISTED, found_reply
from bot.answers.render import Reply, plain_reply
from bot.db import access_log, file_states, questions
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import Job, JobKind
from bot.inbox import record
from bot.slack import messages
from bot.slack.blocks import break_links, sections
from bot.slack.client import Refused, SlackClient
from bot.slack.events import Question, Shared, SlackFile
from bot.slack.files import SlackFiles, channels_of, shared_at
from bot.slack.home import ConversationSummary, home_view, summary_lines
from bot.slack.payloads import slack_file
from rag import NotFound, Rag, documents_allowed, source_statuses_in

MAX_AGE = 25 * 60.0
"""Seconds after which a request is given up: a response_url ends after half an hour."""

_MAX_COMPOSED = 3
"""How often a reply is composed when what it was made of changes meanwhile."""


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
    ) -> None:
        """`waiting`: questions of one person that may wait; 0: no limit."""
        self._waiting = waiting
        self._client = client
        self._rag = rag
        self._files = files
        self._access = access
        self._me = me

    def handle(self, job: Job) -> None:
        due = EphemeralRequest.of(job)
        match due.kind:
            case JobKind.SAY:
                self._tell(due, plain_reply(due.text))
            case JobKind.HOME:
                self._show_home(due)
            case JobKind.SIMILAR:
                self._ask_similar(due)
            case _:
                self._tell(due, self._replied(due))

    def _replied(self, due: EphemeralRequest) -> Reply:
        """Return the reply if the person is still in the conversation: a response_url reaches people who left, too."""
        if not self._is_here(due.channel):
            return plain_reply(messages.NOT_IN_CONVERSATION)
        if not self._access.is_member(due.channel, due.user):
            return plain_reply(messages.NOT_A_MEMBER)
        replies = {JobKind.FIND: self._found, JobKind.STATUS: self._status, JobKind.INDEX: self._index}
        reply = replies[due.kind](due)
        self._access.invalidate_members(due.channel)
        stays = self._access.is_member(due.channel, due.user)
        return reply if stays else plain_reply(messages.NOT_A_MEMBER)

    # ------------------------------------------------------------ showing

    def _tell(self, due: EphemeralRequest, reply: Reply) -> None:
        try:
            self._client.post_ephemeral(due.channel, due.user, reply.text, reply.blocks, thread=due.thread)
        except Refused:
            if not due.url:
                raise
            # Slack checks who is in the conversation before it shows a message there; a response_url does not.
            denials = (messages.NOT_IN_CONVERSATION, messages.NOT_A_MEMBER)
            told = due.kind != JobKind.SAY and reply.text not in denials
            reply = self._replied(due) if told else reply
            self._client.respond(due.url, reply.text, reply.blocks)

    def _is_here(self, channel: str) -> bool:
        """Return whether Magpie is in a conversation."""
        try:
            there = self._client.get_conversation(channel)
        except Refused:
            return False
        return bool(there.get("is_member") or there.get("is_im"))

    # ------------------------------------------------------------ the command

    def _found(self, due: EphemeralRequest) -> Reply:
        """Return the best pages of what a reply in this conversation could be made of. The scope is the same as for
        a public reply, though one person reads it."""
        asked = Question(due.channel, f"{due.at:.6f}", "", due.user, due.text)
        for _ in range(_MAX_COMPOSED):
            granted = self._access.granted(due.channel, due.user)
            reply = found_reply(self._rag.find(due.text, granted.scope, LISTED), granted.notice)
            granted = self._access.granted(due.channel, due.user)
            with self._rag.write_transaction() as connection:
                found = documents_allowed(connection, reply.documents, granted.scope)
                named = access_log.are_names_current(connection, reply.used, granted.scope)
                if named and {one.document for one in found} == set(reply.documents):
                    access_log.log_access(connection, asked, found, f"{granted.why}; for who asked alone")
                    return reply
        return plain_reply(messages.CHANGED_MEANWHILE)

    def _status(self, due: EphemeralRequest) -> Reply:
        with self._rag.read_transaction() as connection:
            held = ConversationSummary.of(due.channel, source_statuses_in(connection, due.channel))
        text = "\n".join(summary_lines(held))
        return Reply(break_links(text), sections(text))

    # ------------------------------------------------------------ Home

    def _show_home(self, due: EphemeralRequest) -> None:
        granted = self._access.granted(due.channel, due.user)
        held: list[ConversationSummary] | None = None
        if not granted.notice:
            with self._rag.read_transaction() as connection:
                spaces = sorted(granted.scope.spaces or ())
                held = [ConversationSummary.of(space, source_statuses_in(connection, space)) for space in spaces]
        self._client.publish_home(due.user, home_view(held, self._off()))

    def _off(self) -> list[str]:
        settings = self._rag.settings
        off = [] if settings.answer.model else [messages.NO_MODEL]
        lanes = self._rag.lanes()
        for state in dict.fromkeys(lanes.values()):
            if state != "on":
                names = [lane for lane, why in lanes.items() if why == state]
                off.append(messages.searches_off(names, state.removeprefix("off: ")))
        return off

    # ------------------------------------------------------------ shortcuts

    def _ask_similar(self, due: EphemeralRequest) -> None:
        """Ask a question that is answered in the direct message with the person."""
        direct = self._client.open_direct_message(due.user)
        about = {"channel": due.channel, "ts": due.about["ts"], "text": due.text, "link": self._link(due)}
        files = tuple(str(file) for file in due.about.get("files", ()))
        press = str(due.about.get("press") or f"{due.at:.6f}")
        asked = Question(direct, press, "", due.user, "", files, SIMILAR, about)
        with self._rag.write_transaction() as connection:
            taken = questions.put_question(connection, asked, self._waiting)
        if not taken:
            self._tell(due, plain_reply(messages.too_many_waiting(self._waiting)))

    def _link(self, due: EphemeralRequest) -> str:
        """Return the message's permalink; empty where Magpie has no access to it."""
        try:
            return self._client.get_permalink(due.channel, str(due.about["ts"]))
        except Refused:
            return ""

    def _index(self, due: EphemeralRequest) -> Reply:
        """Index every readable file of the message in this conversation, pictures sent as a question included. Return
        what was done, in words."""
        if not due.about.get("files"):
            return plain_reply(messages.NO_FILES)
        wanted: list[tuple[SlackFile, float]] = []
        left: list[str] = []
        for id in due.about["files"]:
            try:
                raw = self._files.ready(str(id))
            except NotFound:
                left.append(messages.FILE_UNREACHABLE)
                continue
            file = slack_file(raw)
            if due.channel not in channels_of(raw):
                left.append(messages.FILE_UNREACHABLE)
            elif file.user == self._me:
                left.append(messages.OWN_FILE)
            elif not file.readable:
                left.append(messages.unsupported_file(file.name))
            else:
                wanted.append((file, shared_at(raw, due.channel)))
        ts = str(due.about["ts"])
        with self._rag.write_transaction() as connection:
            for file, at in wanted:
                if file_states.has_departed(connection, file.id, due.channel, at):  # it left while Slack was asked
                    continue
                file_states.put_wanted(connection, file.id, due.channel)
                record(connection, Shared(file, due.channel, file.user or due.user, ts, at))
        said = [messages.indexing([file.name for file, _ in wanted])] if wanted else []
        return plain_reply(" ".join([*said, *dict.fromkeys(left)]))
