"""What a question refers to by forwarded messages and by pasted links to files and messages in Slack.

Everything is looked up in the scope of the reply's readers. What is outside gets the same sentence as what does not
exist, so that a link tells nothing about private files.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from bot.answers.question_files import QuestionFiles
from bot.answers.thread_context import words_of
from bot.db import jobs
from bot.db.jobs import JobKind
from bot.slack.client import SlackClient
from bot.slack.events import FileLink, Forwarded, MessageLink, Question, SlackFile
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND
from bot.slack.messages import answer_texts, file_texts
from rag import (
    MagpieError,
    Rag,
    Scope,
    ShareState,
    StoredShare,
    list_shares,
)


@dataclass(slots=True)
class Referred:
    """What a question refers to.

    `shares` are in scope: their documents are asked first. `sent`: files that Slack lists as shared in the conversation
    by the forwarding message, like files sent with it. `pictures`: ids of pictures that are shared in scope, indexed or
    not. `words`: of forwarded messages, and of linked messages of the same conversation. `problems`: sentences about
    what cannot be used.
    """

    shares: list[StoredShare] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class References:
    """Look up what the questions of one workspace refer to. Thread-safe."""

    def __init__(self, client: SlackClient, rag: Rag, files: QuestionFiles, me: str) -> None:
        self._client = client
        self._rag = rag
        self._files = files
        self._me = me

    def look_up(self, question: Question, scope: Scope) -> Referred:
        """Return what a question refers to, as far as the readers of a scope may see it. Never raises."""
        found = Referred()
        forwarded = [reference for reference in question.references if isinstance(reference, Forwarded)]
        for message in forwarded:
            found.words += [message.text] if message.text.strip() else []
            for file in message.files:
                self._add_forwarded_file(found, file, question, scope)
        shown = {(message.channel, message.ts) for message in forwarded}
        for reference in question.references:
            match reference:
                case FileLink(id):
                    if not self._add_file(found, id, scope):
                        found.problems.append(answer_texts.LINKED_FILE_UNAVAILABLE)
                case MessageLink(channel, ts) if (channel, ts) not in shown:  # else Slack shows it below the question
                    self._add_message(found, reference, question, scope)
        return found

    def _add_forwarded_file(self, found: Referred, file: SlackFile, question: Question, scope: Scope) -> None:
        if file.picture and self._add_picture(found, file.id, scope):
            return
        if self._add_file(found, file.id, scope):
            return
        try:
            raw = self._files.find(file.id, question.channel)
        except MagpieError:
            raw = None
        here = None if raw is None else slack_file(raw)
        if here is None:
            found.problems.append(answer_texts.FORWARDED_FILE_UNAVAILABLE)
        elif here.unusable is not None:
            found.problems.append(file_texts.unused_file(here.unusable))
        elif here.picture:
            found.pictures.append(file.id)
        else:
            with self._rag.write_transaction() as connection:
                jobs.request(connection, JobKind.LOCATE_FILE, question.channel, file.id)
            found.sent.append(file.id)

    def _add_picture(self, found: Referred, file: str, scope: Scope) -> bool:
        """Add a picture that is shared in scope, indexed or not. Return False if it is not."""
        states = [ShareState.SHARED, ShareState.LEFT_OUT]
        shares = self._shares(scope, states, ref=file)
        try:
            is_shared = any(self._files.find(file, space) is not None for space in {share.space for share in shares})
        except MagpieError:
            is_shared = False
        if is_shared:
            found.pictures.append(file)
            found.shares += [share for share in shares if share.state is ShareState.SHARED]
        return is_shared

    def _add_file(self, found: Referred, file: str, scope: Scope) -> bool:
        """Add a file that is shared in scope. Return False if it is not."""
        shares = self._shares(scope, [ShareState.SHARED], ref=file)
        found.shares += shares
        return bool(shares)

    def _add_message(self, found: Referred, link: MessageLink, question: Question, scope: Scope) -> None:
        shares = self._shares(scope, [ShareState.SHARED], space=link.channel, message=link.ts)
        words = self._words_of(link) if link.channel == question.channel else ""
        found.shares += shares
        found.words += [words] if words else []
        if not shares and not words:
            found.problems.append(answer_texts.LINKED_MESSAGE_UNAVAILABLE)

    def _shares(self, scope: Scope, states: Collection[ShareState], **matching: str) -> list[StoredShare]:
        kind = KIND if "ref" in matching else None
        with self._rag.read_transaction() as connection:
            shares = list_shares(connection, kind, states=states, **matching)
        return [share for share in shares if scope.spaces is not None and share.space in scope.spaces]

    def _words_of(self, link: MessageLink) -> str:
        try:
            message = self._client.find_message(link.channel, link.ts, link.thread)
        except MagpieError:
            return ""
        return "" if message is None else words_of(message, link.channel, self._me)
