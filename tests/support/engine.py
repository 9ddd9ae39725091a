"""An engine with given results for tests of the commands. Its catalog is real and created when it is first used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from sqlalchemy import Connection

from bot.db import tables
from rag import (
    Answer,
    AnswerOptions,
    AnswerProgress,
    AnswerStage,
    Check,
    ConfidenceModel,
    DocumentSummary,
    FileReading,
    Hit,
    IndexOutcome,
    MagpieError,
    Mode,
    ModelSummary,
    NotFound,
    PageContent,
    Passage,
    Progress,
    Scope,
    SearchResult,
    Settings,
    Status,
    StoredData,
    StoredShare,
    TrainedProjection,
)
from rag.catalog import Catalog
from rag.model.extraction import Box, Kind
from rag.model.search import AS_SET
from tests.support.migrated import migrated


def hit(rank: int, name: str, page: int, label: str | None = None, text: str = "The relay listens.") -> Hit:
    return Hit(
        rank=rank,
        chunk=rank,
        document=1,
        name=name,
        link=None,
        page=page,
        label=label,
        kind=Kind.TEXT,
        text=text,
        heading="",
        caption="",
        box=Box(0.1, 0.2, 0.9, 0.4),
        line_boxes=(),
        picture=None,
        page_image=Path("page.jpg"),
        lanes={"words": rank},
    )


def found(*hits: Hit, why: str = "") -> SearchResult:
    lanes = {"words": "on", "clip-picture": "off: no weights", "clip-text": "off: no weights"}
    return SearchResult(
        bool(hits), hits, lanes, why, {"words": 1.0}, {"words": tuple((h.document, h.page) for h in hits)}
    )


def answer(text: str, *hits: Hit, mode: Mode = Mode.VISION, notice: str = "", abstained: bool = False) -> Answer:
    passages = tuple(Passage(number, each) for number, each in enumerate(hits, 1))
    evidence = tuple(Path(f"evidence-{passage.number}.png") for passage in passages)
    return Answer("?", text, abstained, mode, passages, passages, evidence, notice, found(*hits), {}, "", passages)


@dataclass
class FakeEngine:
    """Satisfies bot.cli.context.Engine, with `opened` as its opener. `asked` records the calls."""

    hits: Sequence[Hit] = ()
    answered: Answer = field(default_factory=lambda: answer("Nothing.", abstained=True, mode=Mode.PASSAGES))
    pieces: Sequence[str] = ()
    outcomes: Sequence[IndexOutcome] = ()
    steps: Sequence[Progress] = ()
    checks: Sequence[Check] = ()
    stored: Status = field(default_factory=lambda: Status({}, 0, 0, 0, (), {"words": "on"}))
    stores: Sequence[StoredData] = ()
    rows: Sequence[ModelSummary] = ()
    known: Sequence[str] = ()
    readings: Sequence[FileReading] = ()
    shares: Sequence[StoredShare] = ()
    names: Sequence[str] = ("handbook.pdf",)
    text_weights: Path | None = None
    texts: Mapping[tuple[int, int], str] = field(default_factory=dict)
    translations: Mapping[str, str] = field(default_factory=dict)
    breaks: BaseException | None = None
    asked: list[object] = field(default_factory=list)
    settings: Settings | None = None
    decisions: dict[str, ConfidenceModel] = field(default_factory=dict)
    closed: bool = False

    def opened(self, settings: Settings, *, upgrade: bool) -> FakeEngine:
        del upgrade
        self.settings = settings
        return self

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True
        if "_catalog" in vars(self):
            self._catalog.close()
            del self._catalog

    def _ask(self, *call: object) -> None:
        self.asked.append(call)
        if self.breaks is not None:
            raise self.breaks

    def index(
        self, paths: Sequence[Path | str], space: str = "local", report: Callable[[Progress], None] = lambda _: None
    ) -> list[IndexOutcome]:
        for step in self.steps:
            report(step)
        self._ask("index", list(paths), space)
        return list(self.outcomes)

    def reindex(
        self, names: Sequence[str] = (), report: Callable[[Progress], None] = lambda _: None
    ) -> list[IndexOutcome]:
        self._ask("reindex", list(names))
        return list(self.outcomes)

    def retry(
        self, names: Sequence[str] = (), report: Callable[[Progress], None] = lambda _: None
    ) -> list[IndexOutcome]:
        self._ask("retry", list(names))
        return list(self.outcomes)

    def file_readings(self, name: str) -> list[FileReading]:
        self._ask("file_readings", name)
        return list(self.readings)

    def find(self, query: str, scope: Scope, k: int = 10) -> SearchResult:
        self._ask("find", query, k)
        result = found(*self.hits[:k], why="" if self.hits else "No page holds these words.")
        return replace(result, translations=self.translations, signals={"score": len(query) / 20, "held": 0.5})

    def find_picture(self, path: Path, scope: Scope, k: int = 10) -> SearchResult:
        self._ask("find_picture", path, k)
        return found(*self.hits[:k], why="" if self.hits else "No page looks like this.")

    def ask(
        self,
        question: str,
        scope: Scope,
        pictures: Sequence[Path] = (),
        on_progress: Callable[[AnswerProgress], None] = lambda _: None,
        generating: Callable[[], AbstractContextManager[None]] = nullcontext,
        options: AnswerOptions = AS_SET,
    ) -> Answer:
        del options
        self._ask("ask", question, pictures[0] if pictures else None)
        for piece in self.pieces:
            on_progress(AnswerProgress(AnswerStage.WRITING, piece))
        return self.answered

    def read_page(self, sha256: str, number: int, scope: Scope) -> PageContent:
        self._ask("read_page", sha256, number)
        raise NotFound("No document here has this id.")

    def scratch(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory()

    def load_reranker(self) -> None:
        """Do nothing: no reranker is set."""

    def status(self) -> Status:
        self._ask("status")
        return self.stored

    def list_stored_data(self) -> list[StoredData]:
        return list(self.stores)

    def doctor(self) -> Iterator[Check]:
        self._ask("doctor")
        yield from self.checks

    def forget(self, names: Sequence[str], space: str | None = None, user: str | None = None) -> list[str]:
        self._ask("forget", list(names), space, user)
        missing = [name for name in names if name not in self.known]
        if missing:
            raise NotFound(f"No indexed file has the name {missing[0]!r}.", "List the files with: magpie status")
        return list(names)

    def find_shares(self, names: Sequence[str], space: str | None = None, user: str | None = None) -> list[StoredShare]:
        return [share for share in self.shares if not names or share.name in names]

    def documents(self, scope: Scope) -> list[DocumentSummary]:
        return [DocumentSummary(number, name, 12, "ab" * 32) for number, name in enumerate(self.names, 1)]

    def train_projection(self, report: Callable[[int, int], None] = lambda *_: None) -> TrainedProjection:
        report(1, 1)
        self._ask("train_projection")
        return TrainedProjection(Path("projection.npz"), 400, 80, 0.1, 0.5, 0.9, 0.75)

    def save_confidence_models(self, decisions: Mapping[str, ConfidenceModel]) -> Path:
        self.decisions |= decisions
        return Path("decision.json")

    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], Path]:
        return {}

    def page_texts(self, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], str]:
        return {page: text for page, text in self.texts.items() if page in pages}

    def list_models(self) -> list[ModelSummary]:
        self._ask("models")
        return list(self.rows)

    def pull_model(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path:
        self._ask("pull", model, weights)
        report("fetching")
        return Path("weights.pt")

    def pull_text_model(self, report: Callable[[str], None]) -> Path | None:
        self._ask("pull text")
        report("fetching texts")
        return self.text_weights

    @cached_property
    def _catalog(self) -> Catalog:
        assert self.settings is not None
        return Catalog(migrated(self.settings.data, tables.HISTORY), [tables.HISTORY])

    def read_transaction(self) -> AbstractContextManager[Connection]:
        return self._catalog.read_transaction()

    def write_transaction(self) -> AbstractContextManager[Connection]:
        return self._catalog.write_transaction()

    def checkpoint(self) -> bool:
        return self._catalog.checkpoint()


def failing(error: MagpieError) -> FakeEngine:
    return FakeEngine(breaks=error)
