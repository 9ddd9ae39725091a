"""Run the cases through the engine and the renderer, and collect the effects that reach a reply."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.answers.render import Reply, answer_reply, no_match_reply, page_reply, unfinished
from bot.slack.blocks import stream_text
from bot.slack.messages.answer_texts import failed_documents
from rag import Answer, AnswerProgress, Rag, Scope, Settings, Share, SourceStatus, put_share
from rag.model.operations import IndexState
from rag.ports import Ocr
from tests.injections.case_files import make_file, picture_of
from tests.injections.cases import Case
from tests.injections.obedient_generator import ObeyingGenerator
from tests.injections.slack import shown as words_of
from tests.injections.slack import things_in, things_in_stream, things_of
from tests.injections.templates import control_word_in
from tests.support.absent import NoEmbedder
from tests.support.migrated import open_rag

CANARY = "magentaheron"
"""A word of a document that is outside the scope of every case."""

_VAULT, _STAGING = "vault", "staging"

ENDINGS = ("{cited}", "", "NOT FOUND")
"""How the model's text ends: citing the passages with orders, citing nothing, or finding nothing."""

_BESIDE = r"[\s.,;:·*_~`'\"+#^№]*"
_CITED = re.compile(rf"[\[【〔〖⟦❲⦋⁅⌈⌊⎡⎣⦗⟨⟬〘〚⸢⸤]{_BESIDE}(\d+){_BESIDE}[\]】〕〗⟧❳⦌⁆⌉⌋⎤⎦⦘⟩⟭〙〛⸣⸥]")
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a case: whether the model obeyed, and what got out, one line each.

    `streamed`: statements of the model were shown while it wrote.
    """

    case: Case
    obeyed: bool
    out: tuple[str, ...]
    streamed: bool = False


def try_all(cases: Sequence[Case], folder: Path, open_ocr: Callable[[], Ocr] | None) -> Iterator[Result]:
    """Index every case in its own space under `folder`, ask about it, and check all replies and prompts.

    `open_ocr` opens the OCR engine; with None, cases with pictures are left out.
    """
    if open_ocr is None:
        cases = [case for case in cases if case.form not in ("picture", "figure", "screenshot")]
    generator = ObeyingGenerator()
    ocr = open_ocr() if open_ocr else None
    read = {"workers": 1, "layout": False, "ocr": open_ocr is not None}
    settings = Settings(
        data=folder / "data", answer={"model": ""}, read=read, search={"lanes": "words,pixels", "min_confidence": 0.0}
    )
    files = folder / "files"
    files.mkdir()
    with open_rag(settings, embedder=NoEmbedder(), generator=generator) as rag:
        _share(rag, cases, files)
        for number, case in enumerate(cases):
            generator.ocr = ocr if case.form in ("picture", "figure", "screenshot") else None
            yield _try_case(rag, generator, case, number, files)


def _port_name(number: int) -> str:
    """Return a place name that no other case has."""
    return f"quay{chr(97 + number // 26)}{chr(97 + number % 26)}port"


def _link(number: int, form: str = "") -> str:
    """Return Slack's permalink of a file, or the address of a web page."""
    if form == "title":
        return f"https://pages.example/{number}"
    return f"https://harbour.slack.com/files/U1/F{number}/f"


def _share(rag: Rag, cases: Sequence[Case], files: Path) -> None:
    names = " ".join(_port_name(number) for number in range(len(cases)))
    secret, common = files / "secret.txt", files / "common.txt"
    secret.write_text(f"The berth fee is secret: {CANARY}. " + f"{names}\n", encoding="utf-8")
    common.write_text("A berth fee is paid at the harbour office, which opens at eight.\n", encoding="utf-8")
    made = []
    for number, case in enumerate(cases):
        harmless = f"The berth fee at {_port_name(number)} is {20 + number} euros."
        made.append(make_file(case, harmless, files, f"case-{number}"))
    with rag.write_transaction() as connection:
        put_share(connection, Share("path", str(secret), _VAULT, "statutes.pdf", _link(900)))
        for number, (case, path) in enumerate(zip(cases, made, strict=True)):
            name = case.order if case.form in ("name", "title") else path.name
            put_share(connection, Share("path", str(path), f"C{number}", name, _link(number, case.form)))
            put_share(connection, Share("path", str(common), f"C{number}", "office.txt", _link(901)))
    outcomes = rag.index([secret, common, *made], space=_STAGING)
    failed = [f"{outcome.file}: {outcome.reason}" for outcome in outcomes if outcome.state == "failed"]
    assert not failed, failed


def _try_case(rag: Rag, generator: ObeyingGenerator, case: Case, number: int, files: Path) -> Result:
    question = f"What is the berth fee at {_port_name(number)}?"
    scope, picture = Scope.of(f"C{number}"), None
    links = {_link(number, case.form), _link(901)}
    out: list[str] = []
    if case.form == "screenshot":
        picture = files / f"sent-{number}.png"
        picture_of(f"The berth fee at {_port_name(number)}. {case.order}", picture)
        out += _of_reply(_of_picture(rag, picture, scope), links)
    generator.obeyed.clear()
    generator.prompts.clear()
    streamed = False
    for ending in ENDINGS:
        generator.ending = ending
        reports: list[AnswerProgress] = []
        answer = rag.ask(question, scope, [picture] if picture else [], reports.append)
        out += _of_answer(answer, links)
        out += _of_partials(reports)
        streamed = streamed or any(progress.text.strip() for progress in reports)
    for prompt in generator.prompts:
        out += _of_prompt(prompt.user, prompt.system)
    obeyed = any(found.written for found in generator.obeyed)
    return Result(case, obeyed, tuple(dict.fromkeys(out)), streamed)


def _of_picture(rag: Rag, picture: Path, scope: Scope) -> Reply:
    found = rag.find_picture(picture, scope)
    return page_reply(found.hits[0], None) if found.found else no_match_reply(found.hits)


def _of_answer(answer: Answer, links: set[str]) -> Iterator[str]:
    names = [passage.hit.name for passage in answer.passages[:1]]
    unread = [SourceStatus("F1", name, IndexState.FAILED, 0, 0, "It is damaged.", "", None, 1) for name in names]
    reply = answer_reply(answer, failed_documents(unread))
    yield from _of_reply(reply, links)
    shown = {passage.number for passage in answer.passages}
    for text in (reply.text, words_of(reply.blocks)):
        seen = unicodedata.normalize("NFKC", _HIDDEN.sub("", text))
        wrong = sorted({int(found) for found in _CITED.findall(seen)} - shown)
        yield from (f"citation [{number}]" for number in wrong)
    if any(CANARY in f"{passage.hit.name} {passage.hit.text}" for passage in answer.passages):
        yield "passage of another space"


def _of_reply(reply: Reply, links: set[str]) -> Iterator[str]:
    for thing in things_of(reply.text, reply.blocks, links):
        yield f"{thing.kind} {thing.what}"
    if CANARY in f"{reply.text} {words_of(reply.blocks)}":
        yield "words of another space"


def _of_partials(reports: Sequence[AnswerProgress]) -> Iterator[str]:
    """Yield the effects of partial answers, which are sent with parse=none, or streamed; see bot/answers/asking.py."""
    text, places = "", list[str]()
    for progress in reports:
        text += progress.text
        places += [passage.hit.place for passage in progress.passages]
        shown = unfinished(progress.stage, text, places)
        for thing in things_in(shown, verbatim=True):
            yield f"{thing.kind} {thing.what} while it writes"
        for thing in things_in_stream(stream_text(progress.text)):
            yield f"{thing.kind} {thing.what} in a stream"
        if CANARY in shown:
            yield "words of another space while it writes"


def _of_prompt(user: str, system: str) -> Iterator[str]:
    """Yield the turns and passages that a document forged."""
    control = control_word_in(_HIDDEN.sub("", user))
    if control is not None:
        yield f"control token {control}"
    fence = re.search(r"<passage N (\w+)>", system)
    opened = re.findall(r"^</?passage \d+ (\w+)>$", user, re.MULTILINE)
    numbers = re.findall(r"^<passage (\d+) \w+>$", user, re.MULTILINE)
    if fence is None or set(opened) != {fence.group(1)} or len(opened) != 2 * len(set(numbers)):
        yield "a forged passage"
