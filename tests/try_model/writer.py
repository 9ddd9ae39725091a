"""A scripted writer: it knows the right answers, says them in its own words, and adds one false statement to each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rag.answer.citations import NOT_FOUND
from tests.try_model.gold import GoldQuestion

_PASSAGE = re.compile(
    r"<passage (\d+) (\w+)>\nFile: (.*?), (?:\w+ on )?p\. (\d+).*?\n(.*?)\n</passage \1 \2>", re.DOTALL
)
_QUESTION = re.compile(r"^Question: (.*?)\n\nAnswer from", re.DOTALL | re.MULTILINE)


class Style(StrEnum):
    """How the writer answers. All but the honest one add a false statement."""

    HONEST = "honest"
    CITING = "citing right"
    UNCITED = "citing nothing"
    MISCITED = "citing wrong"


@dataclass(frozen=True)
class Writer:
    """Returns the reply to a prompt. `said` are the true statements of the last reply."""

    questions: Sequence[GoldQuestion]
    style: Style

    def __call__(self, user: str) -> str:
        asked = _QUESTION.search(user)
        question = next(one for one in self.questions if asked and one.query == asked[1])
        return self.reply(question, user)

    def reply(self, question: GoldQuestion, user: str) -> str:
        """Return the reply; NOT FOUND if no passage is from the page that answers the question."""
        passages = [(int(number), title, int(page)) for number, _, title, page, _ in _PASSAGE.findall(user)]
        right = [number for number, title, page in passages if (title, page) == (question.file, question.page)]
        wrong = [number for number, title, page in passages if (title, page) != (question.file, question.page)]
        true = self.true_statements(question, user)
        lie = question.false if self.style is not Style.HONEST and (true or not question.pages) else ""
        if not true and not lie:
            return NOT_FOUND
        at = 1 if sum(map(ord, question.id)) % 2 else len(true)
        said = [*true[:at], *([lie] if lie else []), *true[at:]]
        numbers = {Style.UNCITED: [], Style.MISCITED: wrong[-1:]}.get(self.style, right[:1] or wrong[:1])
        citation = "".join(f" [{number}]" for number in numbers)
        return " ".join(f"{one.rstrip('.')}{citation}." for one in said)

    def true_statements(self, question: GoldQuestion, user: str) -> tuple[str, ...]:
        """Return what the writer knows to be true: nothing if the page is not among its passages."""
        is_shown = any(
            (title, int(page)) == (question.file, question.page) for _, _, title, page, _ in _PASSAGE.findall(user)
        )
        return question.true if question.pages and is_shown else ()
