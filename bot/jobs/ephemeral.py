"""What is shown to one person only: replies to commands and shortcuts, notices, Home. Handlers of jobs.

Where Magpie is not in the conversation, the reply goes to Slack's response_url.
"""

from __future__ import annotations

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.access.policy import Access
from bot.answers import render
from bot.answers.button_requests import SIMILAR
from bot.answers.page_list import LISTED, found_reply
from bot.answers.render import Reply, pieces, plain_reply, section
from bot.db import access_log, ephemeral_messages, file_states, questions
from bot.db.ephemeral_messages import Aside
from bot.db.jobs import Job, JobKind
from bot.inbox import record
from bot.slack.client import Refused, calling
from bot.slack.events import Question, Shared, SlackFile
from bot.slack.files import SlackFiles, channels_of, shared_at
from bot.slack.home import Held, held_lines, home_view
from bot.slack.payloads import slack_file
from rag import NotFound, Rag, TryAgain, allowed, standings_in

MAX_AGE = 25 * 60.0
"""Seconds after which a request is given up: a response_url ends after half an hour."""

NOT_HERE = "I am not in this conversation, and know nothing of what is shared here. `/invite @Magpie` brings me in."
NOT_YOU = "Slack did not say that you are in this conversation, so I say nothing of it."
NO_FILE = "This message has no file that I could index."
UNREACHABLE = "A file of this message is out of my reach: it was deleted, or is not shared here any more."

_THINK = 3
_SECONDS = 10


class EphemeralMessages:
    """Handlers of the jobs that show something to one person. One thread may call them at a time."""

    def __init__(
        self,
        client: WebClient,
        poster: WebClient,
        rag: Rag,
        files: SlackFiles,
        access: Access,
        me: str,
        waiting: int = 0,
    ) -> None:
        """`waiting`: questions of one person that may wait; 0: no limit."""
        self._waiting = waiting
        self._client = client
        self._poster = poster
        self._rag = rag
        self._files = files
        self._access = access
        self._me = me

    def handle(self, job: Job) -> None:
        due = Aside.of(job)
        match due.kind:
            case JobKind.SAY:
                self._tell(due, plain_reply(due.text))
            case JobKind.HOME:
                self._show_home(due)
            case JobKind.SIMILAR:
                self._ask_similar(due)
            case _:
                self._tell(due, self._replied(due))

    def _replied(self, due: Aside) -> Reply:
        """Return the reply if the person is still in the conversation: a response_url reaches people who left, too."""
        if not self._is_here(due.channel):
            return plain_reply(NOT_HERE)
        if not self._access.is_member(due.channel, due.user):
            return plain_reply(NOT_YOU)
        replies = {JobKind.FIND: self._found, JobKind.STATUS: self._status, JobKind.INDEX: self._index}
        reply = replies[due.kind](due)
        self._access.forget_members(due.channel)
        stays = self._access.is_member(due.channel, due.user)
        return reply if stays else plain_reply(NOT_YOU)

    # ------------------------------------------------------------ showing

    def _tell(self, due: Aside, reply: Reply) -> None:
        try:
            with calling():
                self._poster.chat_postEphemeral(
                    channel=due.channel,
                    user=due.user,
                    thread_ts=due.thread or None,
                    text=reply.text,
                    blocks=reply.blocks,
                    parse="none",
                )
        except Refused:
            if not due.url:
                raise
            # Slack checks who is in the conversation before it shows a message there; a response_url does not.
            told = due.kind != JobKind.SAY and reply.text not in (NOT_HERE, NOT_YOU)
            self._respond(due.url, self._replied(due) if told else reply)

    def _respond(self, url: str, reply: Reply) -> None:
        with calling():
            told = WebhookClient(url, timeout=_SECONDS).send(
                text=reply.text, blocks=reply.blocks, response_type="ephemeral", replace_original=False
            )
        if told.status_code == 429 or told.status_code >= 500:
            raise TryAgain(f"Slack is busy ({told.status_code}).")
        if told.status_code != 200:
            raise Refused(f"response_url {told.status_code}")

    def _is_here(self, channel: str) -> bool:
        """Return whether Magpie is in a conversation."""
        try:
            with calling():
                there = self._client.conversations_info(channel=channel)["channel"]
        except Refused:
            return False
        return bool(there.get("is_member") or there.get("is_im"))

    # ------------------------------------------------------------ the command

    def _found(self, due: Aside) -> Reply:
        """Return the best pages of what a reply in this conversation could be made of. The scope is the same as for
        a public reply, though one person reads it."""
        asked = Question(due.channel, f"{due.at:.6f}", "", due.user, due.text)
        for _ in range(_THINK):
            granted = self._access.granted(due.channel, due.user)
            reply = found_reply(self._rag.find(due.text, granted.scope, LISTED), granted.notice)
            granted = self._access.granted(due.channel, due.user)
            with self._rag.writing() as connection:
                found = allowed(connection, reply.documents, granted.scope)
                named = access_log.still_named(connection, reply.used, granted.scope)
                if named and {one.document for one in found} == set(reply.documents):
                    access_log.log_access(connection, asked, found, f"{granted.why}; for who asked alone")
                    return reply
        return plain_reply(render.CHANGING)

    def _status(self, due: Aside) -> Reply:
        with self._rag.reading() as connection:
            held = Held.of(due.channel, standings_in(connection, due.channel))
        text = "\n".join(held_lines(held))
        return Reply(render.unlinked(text), [section(piece) for piece in pieces(text)])

    # ------------------------------------------------------------ Home

    def _show_home(self, due: Aside) -> None:
        granted = self._access.granted(due.channel, due.user)
        held: list[Held] | None = None
        if not granted.notice:
            with self._rag.reading() as connection:
                spaces = sorted(granted.scope.spaces or ())
                held = [Held.of(space, standings_in(connection, space)) for space in spaces]
        with calling():
            self._client.views_publish(user_id=due.user, view=home_view(held, self._off()))

    def _off(self) -> list[str]:
        settings = self._rag.settings
        off = [] if settings.answer.model else ["No model is set: answers are the best passages themselves."]
        lanes = self._rag.lanes()
        for state in dict.fromkeys(lanes.values()):
            if state != "on":
                names = [_LANES.get(lane, lane) for lane, why in lanes.items() if why == state]
                off.append(f"No search by {', nor by '.join(names)}: {state.removeprefix('off: ')}")
        return off

    # ------------------------------------------------------------ shortcuts

    def _ask_similar(self, due: Aside) -> None:
        """Ask a question that is answered in the direct message with the person."""
        with calling():
            direct = str(self._client.conversations_open(users=due.user)["channel"]["id"])
        about = {"channel": due.channel, "ts": due.about["ts"], "text": due.text, "link": self._link(due)}
        files = tuple(str(file) for file in due.about.get("files", ()))
        press = str(due.about.get("press") or f"{due.at:.6f}")
        asked = Question(direct, press, "", due.user, "", files, SIMILAR, about)
        with self._rag.writing() as connection:
            taken = questions.put_question(connection, asked, self._waiting)
        if not taken:
            self._tell(due, plain_reply(ephemeral_messages.too_many(self._waiting)))

    def _link(self, due: Aside) -> str:
        """Return the message's permalink; empty where Magpie has no access to it."""
        try:
            with calling():
                told = self._client.chat_getPermalink(channel=due.channel, message_ts=str(due.about["ts"]))
        except Refused:
            return ""
        return str(told["permalink"])

    def _index(self, due: Aside) -> Reply:
        """Index every readable file of the message in this conversation, pictures sent as a question included. Return
        what was done, in words."""
        if not due.about.get("files"):
            return plain_reply(NO_FILE)
        wanted: list[tuple[SlackFile, float]] = []
        left: list[str] = []
        for id in due.about["files"]:
            try:
                raw = self._files.ready(str(id))
            except NotFound:
                left.append(UNREACHABLE)
                continue
            file = slack_file(raw)
            if due.channel not in channels_of(raw):
                left.append(UNREACHABLE)
            elif file.user == self._me:
                left.append("My own pictures are not indexed.")
            elif not file.readable:
                left.append(f"{file.name} is of a kind that I cannot read.")
            else:
                wanted.append((file, shared_at(raw, due.channel)))
        ts = str(due.about["ts"])
        with self._rag.writing() as connection:
            for file, at in wanted:
                if file_states.has_departed(connection, file.id, due.channel, at):  # it left while Slack was asked
                    continue
                file_states.want_file(connection, file.id, due.channel)
                record(connection, Shared(file, due.channel, file.user or due.user, ts, at))
        names = ", ".join(file.name for file, _ in wanted)
        said = [f"Indexing {names}: a ✅ under the message says that it can be found."] if wanted else []
        return plain_reply(" ".join([*said, *dict.fromkeys(left)]))


_LANES = {
    "words": "words",
    "place": "page numbers",
    "text-vectors": "the meaning of texts",
    "clip-picture": "what pictures show",
    "clip-text": "what texts are about",
    "pixels": "screenshots’ pixels",
}
