"""Write an answer with the generator, check it, and let the generator correct it once.

The model writes, code checks: each statement must be supported by a passage that was shown, which is cited. The model
may correct what fails; what still fails is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter

from rag.answer import messages
from rag.answer.citations import NOT_FOUND, check_citations, says_not_found
from rag.answer.grounding import GroundingResult, GroundingSource, check_grounding, without_notes
from rag.answer.outcome import Outcome, Shown, decide
from rag.answer.prompt import Correction, load_pictures, write_prompt
from rag.answer.reply_faults import (
    MIN_REPEATED,
    ReplyWatch,
    find_fault,
    is_copy_of_prompt,
    is_refusal,
    is_thought,
    without_thoughts,
)
from rag.errors import AnswerCut, GeneratorTimeout, MagpieError
from rag.model.extraction import Kind
from rag.model.search import Hit, Mode, Passage
from rag.observation import Observer, Unobserved
from rag.ports import Generator, ModelInfo, Prompt
from rag.settings import AnswerSettings
from rag.text import split_words, without_invisible

log = logging.getLogger("magpie")

ReadPageText = Callable[[Hit], str]
"""Returns the words of a hit's page that the reader may see."""


@dataclass(frozen=True)
class GenerationRequest:
    """A question and its passages. `on_text` gets the pieces of the first draft as they arrive.

    `picture` is a screenshot (PNG or JPEG) sent with the question.
    """

    question: str
    passages: Sequence[Passage]
    generator: Generator
    settings: AnswerSettings
    read_page_text: ReadPageText
    on_text: Callable[[str], None] | None = None
    picture: bytes | None = None
    observer: Observer = field(default_factory=Unobserved)


@dataclass(frozen=True)
class Draft:
    """A checked answer: `text` has only what holds, and is empty if nothing does.

    `notice` and `remedy` say what was left out of the prompt or cut from the answer.
    """

    text: str
    mode: Mode
    shown: tuple[Passage, ...]
    cited: tuple[Passage, ...]
    outcome: Outcome
    notice: str
    remedy: str
    grounding: GroundingResult

    @property
    def read_from(self) -> tuple[int, ...]:
        """The passages whose picture has to be shown with the answer."""
        return self.grounding.read_from


def write_draft(request: GenerationRequest, stage_ms: dict[str, float]) -> Draft:
    """Return the better of at most two drafts. Raise a MagpieError if the first one fails.

    The milliseconds of the stages prompt, write, check and again are added to `stage_ms`.
    """
    ability = request.generator.model_info()
    deadline = perf_counter() + request.settings.longest_seconds  # of both drafts together
    first = _attempt(request, ability, deadline, stage_ms)
    if first.outcome.is_settled or not request.settings.correct or perf_counter() > deadline:
        return first
    log.info("The model is asked again: %s", first.outcome.reason)
    started = perf_counter()
    try:
        second = _attempt(request, ability, deadline, {}, _correction(first))
    except MagpieError as error:  # what holds of the first draft is shown
        log.info("The correction failed: %s", type(error).__name__)
        return first
    finally:
        stage_ms["again"] = (perf_counter() - started) * 1000
    return second if _is_better(second, first) else first


def _correction(draft: Draft) -> Correction:
    grounding = draft.grounding
    wrong = [(one.statement.text, one.missing) for one in grounding.not_found]
    return Correction(grounding.text, wrong) if wrong and not draft.outcome.is_fault else Correction()


def _is_better(second: Draft, first: Draft) -> bool:
    """Return whether more of the second draft holds, or it says that nothing was found and nothing of the first holds.

    A draft with fewer wrong sentences is not better if it only says less.
    """
    held = [draft.grounding.held if draft.text else 0 for draft in (first, second)]
    return held[1] > held[0] or (second.outcome.shown is Shown.NOTHING and not held[0])


def _attempt(
    request: GenerationRequest,
    ability: ModelInfo,
    deadline: float,
    stage_ms: dict[str, float],
    correction: Correction | None = None,
) -> Draft:
    started = perf_counter()
    prompt, left_out = _build_prompt(request, ability, correction)
    shown = tuple(passage for passage in request.passages if passage.number in prompt.shown)
    sent = perf_counter()
    with request.observer.stage("write"):
        watch, cut = _stream(request, prompt, deadline, is_correction=correction is not None)
    written = perf_counter()
    with request.observer.stage("check"):
        grounding, outcome = _check(request, prompt, shown, watch, ability)
        answer, cited = check_citations(grounding.shown_text() if outcome.shown is not Shown.PASSAGES else "", shown)
    stage_ms["prompt"] = (sent - started) * 1000
    stage_ms["write"] = (written - sent) * 1000
    stage_ms["check"] = (perf_counter() - written) * 1000
    mode = Mode.VISION if ability.vision else Mode.TEXT
    part = outcome.reason if outcome.shown is Shown.PART else ""
    notice = " ".join(one for one in (cut, left_out, part) if one)
    remedy = _window_remedy(prompt, ability, request.settings)
    return Draft(answer, mode, shown, cited, outcome, notice, remedy, grounding)


def _check(
    request: GenerationRequest, prompt: Prompt, shown: Sequence[Passage], watch: ReplyWatch, ability: ModelInfo
) -> tuple[GroundingResult, Outcome]:
    """Compare what the model wrote with the passages that it was shown."""
    said = without_notes(without_invisible(without_thoughts(watch.text())))
    text, cited = check_citations(said, shown)
    declined = says_not_found(text) or (NOT_FOUND in text and not cited)
    sources = _Sources(shown, lambda passage: _grounding_source(passage, request, prompt, ability))
    grounding = GroundingResult(text) if declined else check_grounding(text, sources, is_unusable=_unusable(request))
    fault = find_fault(text, watch, request.question)
    return grounding, decide(grounding, fault, declined=declined, cites=bool(cited))


def _unusable(request: GenerationRequest) -> Callable[[str], bool]:
    """Return a function that says whether a statement does not belong into an answer, or is repeated."""
    said: set[str] = set()

    def is_unusable(text: str) -> bool:
        words = " ".join(split_words(text)).casefold()
        is_repeated = words in said and len(words) >= MIN_REPEATED
        said.add(words)
        return is_repeated or is_refusal(text) or is_thought(text) or is_copy_of_prompt(text, request.question)

    return is_unusable


class _Sources(Mapping[int, GroundingSource]):
    """What each passage can support, by its number. The words of its page are read when they are needed."""

    def __init__(self, passages: Sequence[Passage], read: Callable[[Passage], GroundingSource]) -> None:
        self._passages = {passage.number: passage for passage in passages}
        self._read = cache(lambda number: read(self._passages[number]))

    def __getitem__(self, number: int) -> GroundingSource:
        return self._read(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self._passages)

    def __len__(self) -> int:
        return len(self._passages)


def _grounding_source(
    passage: Passage, request: GenerationRequest, prompt: Prompt, ability: ModelInfo
) -> GroundingSource:
    """Return what the passage can support.

    Its picture counts only if it shows more than the page's words, the model was given it, and readers can be shown it.
    """
    hit = passage.hit
    # "printed" belongs to the display of a place: it is not a word of the page.
    words = [
        hit.region_label.replace("(printed ", "("),
        hit.heading,
        hit.caption,
        hit.text,
        request.read_page_text(hit),
    ]
    shows_more = hit.kind in (Kind.FIGURE, Kind.PAGE) or (hit.kind is Kind.TABLE and not hit.text.strip())
    can_be_shown = hit.page_image is not None and hit.page_image.is_file()
    seen = ability.vision and shows_more and can_be_shown and passage.number in prompt.pictured
    return GroundingSource("\n".join(words), seen, hit.generated_caption, hit.caption_model)


def _build_prompt(request: GenerationRequest, ability: ModelInfo, correction: Correction | None) -> tuple[Prompt, str]:
    """Return the prompt for a model of this ability, and a notice about what it leaves out."""
    settings, passages = request.settings, request.passages
    window = min(settings.num_ctx, ability.window or settings.num_ctx)
    fitted = settings.model_copy(update={"num_ctx": window})
    picture = request.picture if ability.vision and settings.pictures else None
    max_pictures = settings.pictures - (picture is not None) if ability.vision else 0
    pictures = load_pictures(passages, max_pictures)
    prompt = write_prompt(request.question, passages, pictures, fitted, picture, correction)
    if prompt.shortened:
        log.info("%d of %d passages are shortened to fit.", len(prompt.shortened), len(passages))
    notices = []
    if request.picture is not None and not ability.vision:
        notices.append(messages.picture_not_seen(ability.model))
    elif picture is not None and len(prompt.pictures) == len(prompt.pictured):
        notices.append(messages.PICTURE_TOO_LARGE)
    if len(prompt.shown) < len(passages):
        notices.append(messages.passages_left_out(len(prompt.shown), len(passages)))
    return prompt, " ".join(notices)


def _window_remedy(prompt: Prompt, ability: ModelInfo, settings: AnswerSettings) -> str:
    """Return how to get a larger context window, or an empty string if all passages fit."""
    if len(prompt.shown) >= settings.passages or not prompt.shortened:
        return ""
    if ability.window and ability.window <= settings.num_ctx:
        return messages.small_model(ability.model, ability.window)
    return messages.small_setting(settings.num_ctx)


def _stream(
    request: GenerationRequest, prompt: Prompt, deadline: float, *, is_correction: bool
) -> tuple[ReplyWatch, str]:
    """Return the reply, and a notice if it was cut at the length limit or at the deadline.

    Generation ends as soon as the outcome is decided. Text that may still become NOT FOUND is held back, because
    readers get another sentence for it. During a correction, `on_text` gets empty strings instead of text, so that it
    can still stop the generation by raising. Raise GeneratorTimeout if a correction is not complete at the deadline.
    """
    watch, held_back, cut = ReplyWatch(prompt), "", ""
    on_text, max_seconds = request.on_text, request.settings.longest_seconds
    pieces = request.generator.stream(prompt)
    try:
        for piece in pieces:
            is_decided = watch.add(piece)
            held_back += piece
            if on_text is not None and is_correction:
                on_text("")
            elif on_text is not None and not is_decided and not NOT_FOUND.startswith(watch.head):
                on_text(held_back)
                held_back = ""
            if is_decided:
                break
            if perf_counter() > deadline:
                if is_correction:
                    raise GeneratorTimeout("The correction took too long.")
                raise AnswerCut(messages.answer_cut(max_seconds), messages.ANSWER_CUT_REMEDY)
    except AnswerCut as error:
        cut = f"{error} {error.hint}".strip()
    finally:
        pieces.close()
    return watch, cut
