"""Check an answer while it is written, so that readers can be shown each statement as soon as it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.answer.citations import NOT_FOUND, check_citations
from rag.answer.function_words import detect_language
from rag.answer.grounding import Checked, Checker, without_notes
from rag.answer.reply_faults import SpokenText, is_other_language
from rag.answer.shown_text import Edit, edited_statement
from rag.answer.statement_stream import StatementStream, Written
from rag.answer.support import has_content
from rag.model.search import Passage
from rag.text import without_invisible


class RunningCheck:
    """Checks the statements of a reply as they are completed.

    Each statement is checked once, whatever is written after it. Headings and the like are left to the check of the
    whole reply, and so is all that follows a sentence in another language than the question's.
    """

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        checker: Checker,
        is_unusable: Callable[[str], bool],
        said: list[Checked],
        language: str = "",
    ) -> None:
        """`said`: gets the statements whose text is returned. `language`: of the answer; empty: of the question."""
        self.said = said
        self._question = question
        self._language = language
        self._checker = checker
        self._is_unusable = is_unusable
        self._spoken = SpokenText()
        self._stream = StatementStream(
            question, lambda text: check_citations(without_notes(without_invisible(text)), passages)[0]
        )
        self._gap = ""
        self._is_foreign = False

    def add(self, piece: str) -> str:
        """Add a piece of the reply. Return the text that is complete now and holds, to be shown after the text before;
        usually nothing."""
        return "".join(map(self._text_of, self._stream.add(self._spoken.add(piece))))

    def finish(self) -> str:
        """Return the last statement, if it holds."""
        return "".join(map(self._text_of, self._stream.finish()))

    def _text_of(self, written: Written) -> str:
        self._gap = max(self._gap, written.gap, key=lambda gap: (gap.count("\n"), gap))
        checked = self._check(written)
        if checked is None or not checked.holds:
            return ""
        found = checked.cited if checked.cited != written.statement.cited else ()
        body = edited_statement(written.body, Edit(checked.statement, checked.note, found))
        gap = self._gap if self.said else ""
        self.said.append(checked)
        self._gap = body[len(body.rstrip()) :]
        return gap + written.lead + body.rstrip()

    def _check(self, written: Written) -> Checked | None:
        """Return the result for a statement; None if it is not one for readers now."""
        statement = written.statement
        is_plain = not (statement.title or statement.items) and NOT_FOUND not in statement.text
        if self._is_unusable(statement.text) or not is_plain or not has_content(statement):
            return None
        self._is_foreign = self._is_foreign or is_other_language(self._question, statement.text, self._language)
        if self._is_foreign:
            return None
        return self._checker.check_alone(statement, detect_language(self._stream.head))
