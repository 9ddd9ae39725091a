"""What people asked and did not find: grouped for the operator, and for an admin on Home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.answers.thread_context import words_of
from bot.db.unanswered import Unanswered
from bot.slack.client import SlackClient
from bot.slack.message_text import resolve
from rag import MagpieError, group_similar

MAX_SHOWN = 5
"""Groups on Home. Each takes a request to Slack or more."""

_TRIED = 3
"""Questions of a group that are looked up until one stands."""


@dataclass(frozen=True, slots=True)
class QuestionGroup:
    """Questions that ask nearly the same, newest first. `text`: of the newest one, without mentions."""

    questions: Sequence[Unanswered]

    @property
    def newest(self) -> Unanswered:
        return self.questions[0]

    @property
    def text(self) -> str:
        return readable(self.newest)


def readable(asked: Unanswered) -> str:
    """Return the words of a question in one line, without the names of people and channels."""
    return " ".join(resolve(asked.text, {}).split())


def group_questions(questions: Sequence[Unanswered]) -> list[QuestionGroup]:
    """Return questions, newest first, in groups, the largest first."""
    groups = group_similar([readable(asked) for asked in questions])
    return [QuestionGroup([questions[position] for position in group]) for group in groups]


def standing_groups(
    groups: Sequence[QuestionGroup], client: SlackClient, me: str, limit: int = MAX_SHOWN
) -> list[QuestionGroup]:
    """Return the first groups, each with the questions that may be shown first: those whose message still says it.

    A message may have been edited or deleted since, perhaps while no event of it arrived.
    """

    def stands(asked: Unanswered) -> bool:
        try:
            message = client.find_message(asked.channel, asked.ts, asked.thread)
        except MagpieError:
            return False
        return message is not None and words_of(message, asked.channel, me) == asked.text.strip()

    return list(islice(filter(None, (_standing(group, stands) for group in groups)), limit))


def _standing(group: QuestionGroup, stands: Callable[[Unanswered], bool]) -> QuestionGroup | None:
    first = next(filter(stands, group.questions[:_TRIED]), None)
    if first is None:
        return None
    return QuestionGroup([first, *(asked for asked in group.questions if asked is not first)])
