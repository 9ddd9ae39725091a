"""From what was found to what a reader gets: the answer, checked against the words of its pages, and its pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rag.answer import generation as answering
from rag.answer.evidence import draw_evidence, draw_place
from rag.answer.grounding import statements
from rag.answer.highlight import with_lines
from rag.catalog import Catalog
from rag.catalog.pages import words_on
from rag.model import Answer, Found, Hit, Mode, Passage, Scope, Word
from rag.ports import Generator
from rag.settings import AnswerSettings

_CUT = "The model was given only its first {most} characters."

EVIDENCE = 3
"""Pictures drawn for one answer."""


@dataclass(frozen=True)
class Asking:
    """Answers within a scope; `folder` is where pictures of the cited places lie."""

    catalog: Catalog
    generator: Generator | None
    settings: AnswerSettings
    folder: Path

    def answer(
        self,
        question: str,
        found: Found,
        scope: Scope,
        on_text: Callable[[str], None] | None = None,
        picture: bytes | None = None,
    ) -> Answer:
        """The answer to a question from what was found in the scope, with pictures of the cited places."""
        known: dict[tuple[int, int], tuple[Word, ...]] = {}
        asked, notice = question[: self.settings.question_chars], found.notice
        if asked != question:
            notice = f"{notice} {_CUT.format(most=len(asked))}".strip()

        def words(hit: Hit) -> tuple[Word, ...]:
            where = (hit.document, hit.page)
            if where not in known:
                with self.catalog.reading() as connection:
                    known[where] = words_on(connection, *where, scope)
            return known[where]

        def text(hit: Hit) -> str:
            return " ".join(word.text for word in words(hit))

        made = answering.answer(asked, found, self.generator, self.settings, on_text, picture, text)
        made = replace(made, notice=" ".join(part for part in (notice, made.notice) if part))
        return self._illustrated(made, words)

    def place(self, hit: Hit) -> Path | None:
        """The hit's page with its box framed; None when the page's own picture is gone."""
        return draw_place(hit, self._into())

    def _illustrated(self, made: Answer, words: Callable[[Hit], tuple[Word, ...]]) -> Answer:
        """In the order of citation; what the model read from a picture goes before what it has read from words."""
        wanted = [one for one in made.cited if one.number in made.read_from][:EVIDENCE]
        wanted += [one for one in made.cited if one not in wanted][: EVIDENCE - len(wanted)]
        drawn: list[tuple[Passage, Path]] = []
        for one in sorted(wanted, key=made.cited.index):
            hit = one.hit if one.hit.marks else with_lines(one.hit, words(one.hit))
            path = draw_evidence(hit, self._into(), _said(made, one))
            if path is not None:
                drawn.append((one, path))
        return replace(made, evidence=tuple(path for _, path in drawn), pictured=tuple(one for one, _ in drawn))

    def _into(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.folder


def _said(made: Answer, passage: Passage) -> list[str]:
    """The sentences that cite a passage; the question, where the passages themselves answer."""
    if made.mode is Mode.PASSAGES:
        return [made.question]
    return [one.text for one in statements(made.text) if passage.number in one.cited]
