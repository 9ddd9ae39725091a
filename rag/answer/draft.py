"""Write an answer with the generator, check it, and let the generator correct it once.

The model writes, code checks: each statement must be supported by a passage that was shown, which is cited. The model
may correct what fails; what still fails is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from time import perf_counter

from rag.answer import messages
from rag.answer.citations import NOT_FOUND, check_citations, says_not_found
from rag.answer.grounding import Checked, Checker, GroundingResult, GroundingSource, Verdict, says, without_notes
from rag.answer.outcome import Outcome, Shown, decide
from rag.answer.page_text import PageText
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
from rag.answer.running_check import RunningCheck
from rag.errors import AnswerCut, GeneratorTimeout, MagpieError
from rag.model.extraction import Kind
from rag.model.search import AnswerProgress, AnswerStage, Hit, Mode, Passage
from rag.observation import Observer, Unobserved
from rag.ports import Generator, ModelInfo, Prompt
from rag.setting_groups import AnswerSettings
from rag.text import split_words, without_invisible

log = logging.getLogger("magpie")

ReadPageText = Callable[[Hit], str]
"""Returns the words of a hit's page that the reader may see."""

OnProgress = Callable[[AnswerProgress], None]
"""Is called again and again while an answer is made. It may raise an error to end that."""


def no_progress(_: AnswerProgress) -> None:
    """Do nothing with a report."""


@dataclass(frozen=True)
class GenerationRequest:
    """A question and its passages. `picture` is a screenshot (PNG or JPEG) sent with the question.

    `read_words` remembers the words of pages in the form in which statements are compared with them.
    """

    question: str
    passages: Sequence[Passage]
    generator: Generator
    settings: AnswerSettings
    read_page_text: ReadPageText
    on_progress: OnProgress = no_progress
    picture: bytes | None = None
    observer: Observer = field(default_factory=Unobserved)
    read_words: Callable[[str], PageText] = field(default_factory=lambda: cache(PageText.of))


@dataclass(frozen=True)
class Draft:
    """A checked answer: `text` has only what holds, and is empty if nothing does.

    `withdrawn` says that readers were shown statements which are missing. `notice` and `remedy` say what was left out
    of the prompt or cut from the answer.
    """

    text: str
    mode: Mode
    shown: tuple[Passage, ...]
    cited: tuple[Passage, ...]
    outcome: Outcome
    notice: str
    remedy: str
    grounding: GroundingResult
    withdrawn: str = ""

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
    said: list[Checked] = []
    first = _attempt(request, ability, deadline, stage_ms, said)
    draft = _corrected(request, ability, deadline, first, stage_ms, said)
    missing = sum(not says(draft.text, one.statement) for one in said)
    return replace(draft, withdrawn=messages.withdrawn(missing))


def _corrected(
    request: GenerationRequest,
    ability: ModelInfo,
    deadline: float,
    first: Draft,
    stage_ms: dict[str, float],
    said: list[Checked],
) -> Draft:
    """Return the first draft, or a better one. If nothing of the first was shown, the second is shown as it is written:
    then its statements are added to `said`."""
    if first.outcome.is_settled or not request.settings.correct or perf_counter() > deadline:
        return first
    log.info("The model is asked again: %s", first.outcome.reason)
    started, before = perf_counter(), tuple(said)
    try:
        second = _attempt(request, ability, deadline, {}, said, _correction(first), shows=not said)
    except MagpieError as error:  # what holds of the first draft is shown
        log.info("The correction failed: %s", type(error).__name__)
        return first
    finally:
        stage_ms["again"] = (perf_counter() - started) * 1000
    return second if _is_better(second, first, before) else first


def _correction(draft: Draft) -> Correction:
    grounding = draft.grounding
    wrong = [(one.statement.text, one.missing) for one in grounding.not_found]
    return Correction(grounding.text, wrong) if wrong and not draft.outcome.is_fault else Correction()


def _is_better(second: Draft, first: Draft, said: Sequence[Checked]) -> bool:
    """Return whether more of the second draft holds, or it says that nothing was found and nothing of the first holds.

    A draft with fewer wrong sentences is not better if it only says less, or lacks what readers were shown: `said`.
    """
    held = [draft.grounding.held if draft.text else 0 for draft in (first, second)]
    if held[0] and not all(says(second.text, one.statement) for one in said):
        return False
    return held[1] > held[0] or (second.outcome.shown is Shown.NOTHING and not held[0])


def _attempt(
    request: GenerationRequest,
    ability: ModelInfo,
    deadline: float,
    stage_ms: dict[str, float],
    said: list[Checked],
    correction: Correction | None = None,
    *,
    shows: bool = True,
) -> Draft:
    """Return the checked reply to one prompt. `shows`: report its statements once they hold, and add them to `said`."""
    started = perf_counter()
    prompt, left_out = _build_prompt(request, ability, correction)
    shown = tuple(passage for passage in request.passages if passage.number in prompt.shown)
    sent = perf_counter()
    sources = _Sources(shown, lambda passage: _grounding_source(passage, request, prompt, ability))
    checker = Checker(sources, question=request.question)
    language = request.settings.language
    running = RunningCheck(request.question, shown, checker, _unusable(request), said if shows else [], language)
    stage = AnswerStage.WRITING if shows else AnswerStage.CHECKING

    def report(text: str) -> None:
        request.on_progress(AnswerProgress(stage, text if shows else ""))

    with request.observer.stage("write"):
        watch, cut = _stream(request, prompt, deadline, running, report, may_be_cut=shows)
    written = perf_counter()
    with request.observer.stage("check"):
        grounding, outcome = _check(request, shown, checker, watch, is_cut=bool(cut))
        answer, cited = check_citations(grounding.shown_text() if outcome.shown is not Shown.PASSAGES else "", shown)
    stage_ms["prompt"] = (sent - started) * 1000
    stage_ms["write"] = (written - sent) * 1000
    stage_ms["check"] = (perf_counter() - written) * 1000
    report(running.finish() if answer else "")
    mode = Mode.VISION if ability.vision else Mode.TEXT
    part = outcome.reason if outcome.shown is Shown.PART else ""
    notice = " ".join(one for one in (cut, left_out, part) if one)
    remedy = _window_remedy(prompt, ability, request.settings)
    return Draft(answer, mode, shown, cited, outcome, notice, remedy, grounding)


def _check(
    request: GenerationRequest, shown: Sequence[Passage], checker: Checker, watch: ReplyWatch, *, is_cut: bool
) -> tuple[GroundingResult, Outcome]:
    """Compare what the model wrote with the passages that it was shown."""
    reply = without_notes(without_invisible(without_thoughts(watch.text())))
    text, cited = check_citations(reply, shown)
    declined = says_not_found(text) or (NOT_FOUND in text and not cited)
    grounding = GroundingResult(text) if declined else checker.check_text(text, _unusable(request))
    if is_cut and len(grounding.checked) > 1 and grounding.checked[-1].verdict is Verdict.NEUTRAL:
        begun = replace(grounding.checked[-1], verdict=Verdict.UNUSABLE)  # the beginning of a sentence
        grounding = replace(grounding, checked=(*grounding.checked[:-1], begun))
    fault = find_fault(text, watch, request.question, request.settings.language)
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
    return GroundingSource("\n".join(words), seen, hit.generated_caption, hit.caption_model, request.read_words)


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
    request: GenerationRequest,
    prompt: Prompt,
    deadline: float,
    running: RunningCheck,
    report: Callable[[str], None],
    *,
    may_be_cut: bool,
) -> tuple[ReplyWatch, str]:
    """Return the reply, and a notice if it was cut at the length limit or at the deadline.

    Generation ends as soon as the outcome is decided. If it fails after a statement was found to hold, the rest is
    missing as if it was cut. Unless it `may_be_cut`, raise the error, and GeneratorTimeout at the deadline.
    """
    watch, cut = ReplyWatch(prompt), ""
    max_seconds = request.settings.longest_seconds
    pieces = request.generator.stream(prompt)
    try:
        for piece in pieces:
            if watch.add(piece):
                break
            report(running.add(piece))
            if perf_counter() > deadline:
                if not may_be_cut:
                    raise GeneratorTimeout("The correction took too long.")
                raise AnswerCut(messages.answer_cut(max_seconds), messages.ANSWER_CUT_REMEDY)
    except MagpieError as error:
        if not isinstance(error, AnswerCut) and not (may_be_cut and running.said):
            raise
        cut = f"{error} {error.hint}".strip()
    finally:
        pieces.close()
    return watch, cut
