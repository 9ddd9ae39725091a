"""Answer questions within a scope: read page texts, write and check the answer, draw the evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from rag.answer import messages
from rag.answer.draft import OnProgress, no_progress
from rag.answer.evidence import draw_evidence, draw_page
from rag.answer.generation import Generating, answer_question
from rag.answer.highlight import with_line_boxes
from rag.answer.large_pages import LargePages
from rag.answer.statements import split_statements
from rag.catalog import Catalog
from rag.catalog.pages import page_words
from rag.catalog.skims import unread_pages
from rag.model.extraction import Word
from rag.model.operations import UnreadPages
from rag.model.search import AS_SET, Answer, AnswerOptions, Hit, Mode, Passage, Scope, SearchResult
from rag.observation import Observer, Unobserved
from rag.ports import Generator
from rag.setting_groups import AnswerSettings

MAX_PASSAGES = 20
"""Passages of an answer that searches deeper: as many as the setting allows."""

MAX_EVIDENCE = 3
"""Evidence pictures per answer."""


@dataclass(frozen=True)
class AnswerService:
    """Answers questions. `folder` holds the evidence pictures; without a generator, passages are quoted.

    `others`: other generators that an answer can be asked of, by their models. `large_pages` draws parts of pages whose
    letters are too small in their saved picture; without it, these are enlarged.
    """

    catalog: Catalog
    generator: Generator | None
    settings: AnswerSettings
    folder: Path
    large_pages: LargePages | None = None
    observer: Observer = field(default_factory=Unobserved)
    others: Mapping[str, Generator] = field(default_factory=dict)

    def answer(
        self,
        question: str,
        found: SearchResult,
        scope: Scope,
        on_progress: OnProgress = no_progress,
        picture: bytes | None = None,
        generating: Generating = nullcontext,
        options: AnswerOptions = AS_SET,
    ) -> Answer:
        """Return the answer with evidence pictures. `found` is the search result in the scope.

        See answer_question for `on_progress`, `picture` and `generating`.
        """
        cache: dict[tuple[int, int], tuple[Word, ...]] = {}
        generator, settings = self._chosen(options)
        sent, notice = question[: self.settings.question_chars], found.notice
        if sent != question:
            notice = f"{notice} {messages.question_cut(len(sent))}".strip()

        def words_of_page(hit: Hit) -> tuple[Word, ...]:
            page = (hit.document, hit.page)
            if page not in cache:
                with self.catalog.read_transaction() as connection:
                    cache[page] = page_words(connection, *page, scope)
            return cache[page]

        def page_text(hit: Hit) -> str:
            return " ".join(word.text for word in words_of_page(hit))

        answer = answer_question(
            sent, found, generator, settings, on_progress, picture, page_text, generating, self.observer
        )
        older = messages.older_versions(_older_versions(answer))
        parts = (notice, answer.notice, older, UnreadPages.sentence(self._unread_pages(answer)))
        answer = replace(answer, notice=" ".join(part for part in parts if part))
        return self._with_evidence(answer, words_of_page)

    def _chosen(self, options: AnswerOptions) -> tuple[Generator | None, AnswerSettings]:
        """Return the generator and the settings of one answer. A model that is not set any more is the first one."""
        changed: dict[str, object] = {"language": options.language or self.settings.language}
        if options.deeper:
            changed["passages"] = min(MAX_PASSAGES, 2 * self.settings.passages)
        other = self.others.get(options.model)
        if other is not None:
            changed["model"] = options.model
        return other or self.generator, self.settings.model_copy(update=changed)

    def draw_page(self, hit: Hit) -> Path | None:
        """Return a picture of the hit's page with its box framed; None if the page's picture is gone."""
        return draw_page(hit, self.folder)

    def _unread_pages(self, answer: Answer) -> list[UnreadPages]:
        """Return the pages that are not fully read yet of the files that an answer cites.

        What found nothing is said of all files that are still being read.
        """
        titles = {passage.hit.document: passage.hit.title for passage in ([] if answer.abstained else answer.cited)}
        with self.catalog.read_transaction() as connection:
            unread = unread_pages(connection, titles)
        return [UnreadPages(titles[id], *unread[id]) for id in titles if id in unread]

    def _with_evidence(self, answer: Answer, words_of_page: Callable[[Hit], tuple[Word, ...]]) -> Answer:
        """Return the answer with its pictures, in the order of citation.

        If there are more citations than pictures, passages that the model read from a picture go first, then those
        that only a message explains: readers see for themselves what these show.
        """
        chosen = [passage for passage in answer.cited if passage.number in answer.read_from]
        chosen += [one for one in answer.cited if "messages" in one.hit.lanes and one not in chosen]
        chosen = chosen[:MAX_EVIDENCE]
        chosen += [passage for passage in answer.cited if passage not in chosen][: MAX_EVIDENCE - len(chosen)]
        drawn: list[tuple[Passage, Path]] = []
        for passage in sorted(chosen, key=answer.cited.index):
            hit = passage.hit if passage.hit.line_boxes else with_line_boxes(passage.hit, words_of_page(passage.hit))
            path = self._draw(hit, _citing_sentences(answer, passage))
            if path is not None:
                drawn.append((passage, path))
        return replace(
            answer, evidence=tuple(path for _, path in drawn), pictured=tuple(passage for passage, _ in drawn)
        )

    def _draw(self, hit: Hit, sentences: Sequence[str]) -> Path | None:
        if self.large_pages is None:
            return draw_evidence(hit, self.folder, sentences)
        with self.large_pages.drawn(hit) as shown:
            return draw_evidence(shown, self.folder, sentences, self.large_pages.draw)


def _older_versions(answer: Answer) -> list[str]:
    """Return the places of passages that are older versions of cited ones. Copies of the same text are merged."""
    cited = {passage.hit.place for passage in answer.cited}
    return list(dict.fromkeys(one.hit.place for one in answer.passages if one.hit.newer and one.hit.newer in cited))


def _citing_sentences(answer: Answer, passage: Passage) -> list[str]:
    """Return the sentences that cite a passage; the question if the passages are quoted."""
    if answer.mode is Mode.PASSAGES:
        return [answer.question]
    return [statement.text for statement in split_statements(answer.text) if passage.number in statement.cited]
