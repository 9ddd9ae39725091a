"""Split an answer into statements while it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.answer.statements import Form, Statement, form_of, is_german, is_item, split_line

_HEAD = 400
"""Characters of the question and of the beginning of the answer by which its language is known."""

_BEGUN = re.compile(r"\w\W|\w{12}")
"""The first word of a sentence, complete or long."""

_GROWTH = 8
"""Text without the end of a statement is looked at again when it is longer by one part of so many."""


@dataclass(frozen=True, slots=True)
class Written:
    """A complete statement.

    `body` is its text with its citations, `lead` what stands before it on its line, such as a bullet, and `gap` the
    line breaks before that.
    """

    statement: Statement
    gap: str
    lead: str
    body: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, or its end if a statement of it is split off already. `gap`: the line breaks before it."""

    text: str
    gap: str
    is_rest: bool

    @property
    def needs_next(self) -> bool:
        """Whether only the next line shows what this one is: the head of a table, or the introduction of a list."""
        return self.text.rstrip().endswith(":") or self.is_row

    @property
    def is_row(self) -> bool:
        return not self.is_rest and self.text.lstrip().startswith("|")


class StatementStream:
    """Splits pieces of text into statements as `split_statements` does. Each is complete once the next one begins.

    `normalize` writes the citations of a text as [1][3]. It is called for each line, and for the sentences of a line.
    `head` is the beginning of the answer, after its question.
    """

    def __init__(self, question: str, normalize: Callable[[str], str]) -> None:
        self._normalize = normalize
        self._line = _Line("", "", is_rest=False)
        self._waiting: _Line | None = None
        self._look_at = 0
        self.head = question[:_HEAD]
        self._is_german = is_german(self.head)

    def add(self, piece: str) -> list[Written]:
        """Return the statements that are complete now."""
        first, *others = piece.split("\n")
        self._line = replace(self._line, text=self._line.text + first)
        found: list[Written] = []
        for text in others:
            found += self._end_line()
            self._line = replace(self._line, text=text)
        if len(self._line.text) >= self._look_at and not self._line.is_row:
            found += self._take_complete()
        return found

    def finish(self) -> list[Written]:
        """Return the last statements."""
        return [*self._end_line(), *self._release("")]

    def _end_line(self) -> list[Written]:
        line = self._line
        found = self._release(line.text)
        is_blank = not line.text.strip() and not line.is_rest
        self._line, self._look_at = _Line("", "\n\n" if is_blank else "\n", is_rest=False), 0
        if line.needs_next:
            self._waiting = line
            return found
        return found + self._take(line, ())

    def _release(self, following: str) -> list[Written]:
        """Return the statements of the line that waits for the next one."""
        line, self._waiting = self._waiting, None
        return [] if line is None else self._take(line, [following])

    def _take(self, line: _Line, following: Sequence[str]) -> list[Written]:
        text = self._normalize(line.text)
        found = self._split(line, text, following)
        self._add_to_head(text)
        if found and text.endswith(":") and following and is_item(following[0]):
            found[-1] = replace(found[-1], statement=replace(found[-1].statement, items=1))
        return found

    def _take_complete(self) -> list[Written]:
        """Return the statements of the line that another one follows, and keep the rest of it."""
        line = self._line
        self._look_at = len(line.text) + len(line.text) // _GROWTH + 1
        text = self._normalize(line.text)
        complete = self._split(line, text, ())[:-1]
        if not complete:
            return []
        end = complete[-1].statement.end
        rest, raw = text[end:].rstrip(), line.text.rstrip()
        # The next word may show that the sentence goes on. A citation in the rest may be written in another way.
        if not rest or not raw.endswith(rest) or not _BEGUN.search(line.text, len(raw) - len(rest)):
            return []
        self._add_to_head(text[:end])
        self._line, self._look_at = _Line(line.text[len(raw) - len(rest) :], "", is_rest=True), 0
        return [*self._release(line.text), *complete]

    def _add_to_head(self, text: str) -> None:
        if len(self.head) < _HEAD:
            self.head = f"{self.head} {text}"[:_HEAD]
            self._is_german = is_german(self.head)

    def _split(self, line: _Line, text: str, following: Sequence[str]) -> list[Written]:
        form = Form.SENTENCE if line.is_rest else form_of(text, following)
        statements = split_line(text, 0, form, german=self._is_german, is_rest=line.is_rest)
        indent = "" if line.is_rest else line.text[: len(line.text) - len(line.text.lstrip())]
        return [
            Written(
                one,
                "" if index else line.gap,
                "" if index else indent + text[: one.start],
                text[one.start : one.end],
            )
            for index, one in enumerate(statements)
        ]
