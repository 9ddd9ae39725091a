"""Every fault of a model server has to end in passages, with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rag import Rag
from rag.setting_groups import AnswerSettings
from tests.support.ollama_server import Fault, Script, closed_address
from tests.try_model.asking import PASSAGES, TimedGenerator, ask
from tests.try_model.gold import GoldQuestion

Serve = Callable[[Script], AbstractContextManager[AnswerSettings]]
Open = Callable[[Path, AnswerSettings], AbstractContextManager[tuple[Rag, TimedGenerator]]]

IN_STREAM: tuple[Fault, ...] = (
    "error line",
    "error object",
    "no done frame",
    "thinks only",
    "silent",
    "cut connection",
    "not json",
)
STATUSES = (400, 404, 429, 500, 503)
DOWN, MISSING = "down", "no such model"


@dataclass(frozen=True)
class FaultsTried:
    """The faults of a protocol; `failed` are those that did not end in passages with a reason."""

    api: str
    tried: tuple[str, ...]
    failed: tuple[str, ...]


def try_faults(api: str, data: Path, question: GoldQuestion, serve: Serve, opened: Open) -> FaultsTried:
    """Ask a question under each fault."""
    tried, failed = [], []
    for name, settings in _faults(question, serve):
        with settings as answer, opened(data, answer) as (rag, timed):
            reply = ask(rag, timed, question, scripted=True)
        tried.append(name)
        if reply.shown != PASSAGES or "no written answer" not in reply.notice:
            failed.append(name)
    return FaultsTried(api, tuple(tried), tuple(failed))


def _faults(question: GoldQuestion, serve: Serve) -> Iterator[tuple[str, AbstractContextManager[AnswerSettings]]]:
    text = f"{question.true[0]} [1]"
    for fault in IN_STREAM:
        yield fault, serve(Script(text=text, fault=fault))
    for status in STATUSES:
        yield str(status), serve(Script(text=text, status=status, body=b'{"error": "it broke"}'))
    yield MISSING, _changed(serve(Script(text=text)), model="absent")
    yield DOWN, _changed(serve(Script(text=text)), host=f"{closed_address()}/v1")


@contextmanager
def _changed(serving: AbstractContextManager[AnswerSettings], **changes: str) -> Iterator[AnswerSettings]:
    with serving as answer:
        yield answer.model_copy(update=changes)
