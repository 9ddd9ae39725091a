"""Turn a ranking into an answer: written by the generator and checked, or the best passages quoted.

Every question gets a reply. Without a generator, or if it fails or writes nothing that holds, the best passages are the
answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from rag.answer import messages
from rag.answer.citations import without_citations
from rag.answer.draft import Draft, GenerationRequest, OnProgress, ReadPageText, no_progress, write_draft
from rag.answer.excerpt import as_line, excerpt
from rag.answer.list_questions import asks_for_list
from rag.answer.outcome import Shown
from rag.answer.prompt import select_passages
from rag.errors import GeneratorDown, MagpieError, ModelMissing
from rag.model.extraction import Kind
from rag.model.search import Answer, AnswerProgress, AnswerStage, Hit, Mode, Passage, SearchResult
from rag.observation import Observer, Unobserved
from rag.ports import Generator
from rag.setting_groups import AnswerSettings

Generating = Callable[[], AbstractContextManager[object]]
"""Returns a context, for example a lock, that is held while the generator writes."""

MAX_QUOTED = 3
"""Passages quoted instead of a written answer."""

MAX_NEAREST = 2
"""Pages named when nothing was found."""

_MAX_QUOTE = 360
"""Characters of a quotation: two or three sentences."""


def no_page_text(_: Hit) -> str:
    """Return nothing: statements are compared with the hit's own text only."""
    return ""


def answer_question(
    question: str,
    found: SearchResult,
    generator: Generator | None,
    settings: AnswerSettings,
    on_progress: OnProgress = no_progress,
    picture: bytes | None = None,
    read_page_text: ReadPageText = no_page_text,
    generating: Generating = nullcontext,
    observer: Observer | None = None,
) -> Answer:
    """Return the answer to a question from the hits of its search, without evidence pictures.

    `picture` is a screenshot (PNG or JPEG) sent with the question. `on_progress` is
    given what was found, and each statement of the answer once it was checked and holds; the returned text replaces
    them. `generating` is entered while the generator writes, and not for anything else.
    A MagpieError of the generator is not raised: the passages are quoted, with a notice that gives the reason.
    """
    hits = [_with_page_text(hit, read_page_text) for hit in found.hits]
    composer = _Composer(question, found, select_passages(hits, settings.passages))
    if not found.found or not composer.passages:
        return composer.abstain(Mode.PASSAGES)
    if generator is None:
        command = f"export MAGPIE_ANSWER__MODEL={AnswerSettings().model}"
        return composer.quote(messages.NO_MODEL, messages.turn_on_answers(command))
    parts = (composer.passages, generator, settings, read_page_text, on_progress, picture, observer or Unobserved())
    request = GenerationRequest(question, *parts)
    on_progress(AnswerProgress(AnswerStage.READING, passages=composer.passages))
    try:
        with generating():
            draft = write_draft(request, composer.stage_ms)
    except MagpieError as error:
        is_off = isinstance(error, GeneratorDown | ModelMissing)
        return composer.quote(str(error), messages.turn_on_answers(error.hint) if is_off else error.hint)
    match draft.outcome.shown:
        case Shown.NOTHING:
            return composer.point_at_messages() or composer.abstain(draft.mode, draft.withdrawn)
        case Shown.PASSAGES:
            return composer.quote(draft.outcome.reason, withdrawn=draft.withdrawn)
        case _:
            return composer.written(draft)


def _with_page_text(hit: Hit, read_page_text: ReadPageText) -> Hit:
    """Return a hit that is a page as a whole with the page's words; any other hit unchanged."""
    return replace(hit, text=read_page_text(hit)) if hit.kind is Kind.PAGE and not hit.text.strip() else hit


def place_line(passage: Passage) -> str:
    """Return a passage's number and place: `[1] handbook.pdf, table on p. 12 (printed vi)`."""
    return f"[{passage.number}] {passage.hit.region_label}"


@dataclass(frozen=True)
class _Composer:
    question: str
    found: SearchResult
    passages: tuple[Passage, ...]
    stage_ms: dict[str, float] = field(default_factory=dict)

    def abstain(self, mode: Mode, withdrawn: str = "") -> Answer:
        """Return an answer that says that nothing was found and names the nearest pages."""
        nearest = list(dict.fromkeys(passage.hit.place for passage in self.passages))[:MAX_NEAREST]
        return self._answer(messages.abstained(nearest), mode, notice=withdrawn, abstained=True)

    def point_at_messages(self) -> Answer | None:
        """Return the files that were found by the words of the messages that share them; None if there are none.

        A picture may be what a question looks for although nothing on it says so.
        """
        found = tuple(passage for passage in self.passages if "messages" in passage.hit.lanes)
        return self.quote(messages.FOUND_BY_MESSAGE, best=found) if found else None

    def quote(self, reason: str, remedy: str = "", best: Sequence[Passage] = (), withdrawn: str = "") -> Answer:
        """Return the best passages as the answer. `reason` says why no answer was written, `withdrawn` that readers
        were shown a part of one."""
        is_list = asks_for_list(self.question)
        best = tuple(best or self.passages)[: None if is_list else MAX_QUOTED]
        text = "\n\n".join(f"{place_line(passage)}\n{_quotation(passage, self.question)}" for passage in best)
        notice = " ".join(filter(None, (messages.best_passages(reason), withdrawn, self._incomplete(best))))
        return replace(self._answer(text, Mode.PASSAGES, best, notice), remedy=remedy)

    def written(self, draft: Draft) -> Answer:
        """Return the answer that the generator wrote."""
        notice = " ".join(filter(None, (draft.notice, draft.withdrawn, self._incomplete(draft.shown))))
        answer = self._answer(draft.text, draft.mode, draft.cited, notice)
        return replace(answer, passages=draft.shown, remedy=draft.remedy, read_from=draft.read_from)

    def _incomplete(self, shown: Sequence[Passage]) -> str:
        """Return a sentence if the question asks for a list and not all pages are used; else an empty string."""
        pages = {(passage.hit.document, passage.hit.page) for passage in shown}
        others = {(hit.document, hit.page) for hit in self.found.hits} - pages
        return messages.list_from(len(pages)) if others and asks_for_list(self.question) else ""

    def _answer(
        self, text: str, mode: Mode, cited: Sequence[Passage] = (), notice: str = "", *, abstained: bool = False
    ) -> Answer:
        return Answer(
            question=self.question,
            text=text,
            abstained=abstained,
            mode=mode,
            cited=tuple(cited),
            passages=self.passages,
            evidence=(),
            notice=notice,
            found=self.found,
            stage_ms={**self.found.stage_ms, **self.stage_ms},
        )


def _quotation(passage: Passage, question: str) -> str:
    """Return the part of a passage with most of the query words; for a picture without words, what it is."""
    hit = passage.hit
    text = f"{hit.caption} {as_line(hit.text, question)}" if hit.caption or hit.text else hit.heading
    text = without_citations(" ".join(text.split()))
    if text:
        return f"“{excerpt(text, question, _MAX_QUOTE)}”"
    if hit.generated_caption:
        caption = excerpt(without_citations(hit.generated_caption), question, _MAX_QUOTE)
        return messages.quoted_caption(hit.kind, hit.caption_model, caption)
    return messages.picture_only(hit.kind)
