"""Everything put together: class Rag, and open_rag, the only place that builds adapters."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns
from types import TracebackType

from sqlalchemy import Connection, select

from rag.answer.answering import Asking
from rag.answer.query_rewrite import Turn, standalone
from rag.catalog import Catalog, documents, sources
from rag.catalog.scope import documents_in, names_in
from rag.catalog.tables import document, reading
from rag.data_dir import scratch
from rag.errors import NotFound
from rag.extract.query_image import rendered
from rag.ingest.captions import Captions
from rag.ingest.fetch.addresses import checked_url, is_url
from rag.ingest.fetch.paths import files_in, holds_something, is_gone, put_path
from rag.ingest.fetch.urls import put_url
from rag.ingest.worker import Asked, Report, Work, silent
from rag.model import LOCAL, Answer, Check, DocumentRow, Found, Hit, ModelRow, Outcome, Scope, Status
from rag.operations.retention import Kept, kept
from rag.ports import Fetcher, Generator, Reader, WordIndex
from rag.search import confidence
from rag.search.retriever import open_retriever
from rag.settings import Settings
from rag.vectors.fingerprinting import Fingerprinting
from rag.vectors.lanes import Lanes
from rag.vectors.projection import Trained

_PAGES = 10

log = logging.getLogger("magpie")


@dataclass(frozen=True)
class Parts:
    """What Rag is built of. `generator` is None when no model is to be asked."""

    catalog: Catalog
    words: WordIndex
    lanes: Lanes
    fingerprinting: Fingerprinting
    captions: Captions
    open_reader: Callable[[], Reader]
    generator: Generator | None
    fetchers: Mapping[str, Fetcher]


class Rag:
    """The engine behind one data folder. Every search takes a Scope; nothing is searched without one."""

    def __init__(self, settings: Settings, parts: Parts, closing: ExitStack) -> None:
        self.settings = settings
        self._parts = parts
        self._catalog = parts.catalog
        self._lanes = parts.lanes
        self._closing = closing
        self._work = Work(
            settings,
            parts.catalog,
            parts.words,
            parts.lanes,
            parts.fingerprinting,
            parts.captions,
            parts.open_reader,
            parts.fetchers,
        )
        self._asking = Asking(parts.catalog, parts.generator, settings.answer, settings.data / "evidence")
        self._retriever = open_retriever(settings, parts.catalog, parts.words, parts.lanes)

    def __enter__(self) -> Rag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing.close()

    # ------------------------------------------------------------ transactions and the owner's loop

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction of the catalog, begun IMMEDIATE; for `rag.put_share` and the like, and tables beside."""
        return self._catalog.writing()

    def reading(self) -> AbstractContextManager[Connection]:
        """One snapshot of the catalog."""
        return self._catalog.reading()

    def leave_no_trace(self) -> bool:
        """Let nothing that was deleted stay in the catalog's files. False: somebody reads just now; try again."""
        return self._catalog.tidy()

    def scratch(self) -> TemporaryDirectory[str]:
        """A folder in the data folder for what is needed for a moment; one that a killed process left goes later."""
        return scratch("query", self.settings.data)

    def upgrade(self, migrations: Path, versions: str) -> None:
        """Bring somebody else's tables in the catalog's file to their newest schema; see Catalog.upgrade."""
        self._catalog.upgrade(migrations, versions)

    def serve(self, stop: threading.Event) -> None:
        """Fetch, read, embed and forget whatever comes, until `stop` is set; waits while another owner runs."""
        self._work.serve(stop)

    # ------------------------------------------------------------ putting in

    def index(self, paths: Sequence[Path | str], space: str = LOCAL, report: Report = silent) -> list[Outcome]:
        """Index files, folders and web addresses into a space and wait until all of it can be found.

        Beside a running owner the request is recorded and the owner's progress followed. Files below a folder that
        are no longer on the disk leave the space, unless the folder is empty: then its disk may not be mounted. What
        `files_in` skips is `skipped`. Raise NotFound for a path that is not there, having done nothing.
        """
        urls = [checked_url(path) for path in paths if isinstance(path, str) and is_url(path)]
        folders = [Path(path) for path in paths if not (isinstance(path, str) and is_url(path))]
        found = [files_in(path) for path in folders]
        wanted = [path for files, _ in found for path in files]
        skipped = [outcome for _, others in found for outcome in others]
        before = self._known_documents()
        with self._catalog.writing() as connection:
            put = [put_path(connection, path, space) for path in dict.fromkeys(wanted)]
            put += [put_url(connection, url, space, time_ns()) for url in dict.fromkeys(urls)]
            gone = {
                source_id: name
                for folder in folders
                if holds_something(folder)
                for source_id, path, name in sources.sources_below(connection, str(folder.resolve()), space)
                if is_gone(Path(path))
            }
        changed = [source_id for source_id, work in put if work]
        self._work.settle(Asked(changed, report))
        if gone:
            # Only now: a file that was renamed is known under its new name first, and is not read again.
            with self._catalog.writing() as connection:
                sources.drop_shares(connection, list(gone), space)
            self._work.sweep()
        outcomes = self._outcomes([source_id for source_id, _ in put], set(changed), before)
        return outcomes + [Outcome(name, "gone", 0) for name in gone.values()] + skipped

    def reindex(self, names: Sequence[str] = (), report: Report = silent) -> list[Outcome]:
        """Read documents again (all of them when no name is given); what they have serves meanwhile."""
        ids = self._named(names) if names else None
        with closing(self._parts.open_reader()) as reader, self._catalog.writing() as connection:
            wanted = []
            for row in sources.settled(connection, ids):
                if row.document is not None:
                    documents.want_reading(connection, row.document, reader.version)
                    wanted.append(row.source)
        self._work.settle(Asked(wanted, report, newest=True))
        return self._outcomes(wanted, set(wanted), set(), newest=True)

    def forget(self, names: Sequence[str], space: str | None = None, user: str | None = None) -> list[str]:
        """Take files out of a space, or of all; or, without names, everything in a space, or that somebody shared.

        Names: path, file name, or digits of the SHA-256 (8 or more). Gone from every answer when this returns; from
        disk too, or as soon as the running owner gets to it. A chat that still lists them does not bring them back;
        sharing or indexing them again does. Raise NotFound for a name that nothing has.
        """
        ids = self._named(names)
        with self._catalog.writing() as connection:
            shares = sources.shares_of(connection, space, user)
            if names or (space is None and user is None):
                shares = [one for one in shares if one[0] in ids]
            for source_id, there, _ in shares:
                sources.forget_shares(connection, [source_id], there)
        self._work.sweep()
        return list(dict.fromkeys(name for _, _, name in shares))

    # ------------------------------------------------------------ getting out

    def find(self, query: str, scope: Scope, k: int = _PAGES) -> Found:
        """Pages for a question in words, best first."""
        return self._retriever.find(query, scope, k)

    def find_picture(self, path: Path, scope: Scope, k: int = _PAGES) -> Found:
        """The page that a screenshot or picture shows. Raise NotFound, or Unreadable for what is no picture."""
        with self.scratch() as folder:
            render, read = rendered(path, self._parts.open_reader, Path(folder))
            return self._retriever.find_picture(render, read, scope, k)

    def ask(
        self,
        question: str,
        scope: Scope,
        picture: Path | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Answer:
        """Answer from the scope's documents alone, with citations, and pictures of the cited places.

        With a `picture` (a screenshot), the page it shows is looked for first, the question's words after that.
        """
        sent = None
        if picture is None:
            found = self.find(question, scope)
        else:
            with self.scratch() as folder:
                render, read = rendered(picture, self._parts.open_reader, Path(folder))
                found = self._retriever.find_picture(render, read, scope, _PAGES)
                sent = render.read_bytes()
            if not found.found:
                found = self.find(question, scope)
        return self._asking.answer(question, found, scope, on_text, sent)

    def standalone(self, question: str, history: Sequence[Turn]) -> str:
        """The question without need of its thread, told as (`asker` or `magpie`, text), oldest first; to be asked."""
        return standalone(question, history, self._parts.generator, self.settings.answer)

    def draw_place(self, hit: Hit) -> Path | None:
        """The hit's page as a picture with its box framed; None when the page's own picture is gone."""
        return self._asking.place(hit)

    def documents(self, scope: Scope) -> list[DocumentRow]:
        """What a scope holds, by name."""
        rows = select(document.c.id, document.c.sha256, reading.c.pages_done)
        rows = rows.join(reading, reading.c.id == document.c.reading_id).where(document.c.id.in_(documents_in(scope)))
        with self._catalog.reading() as connection:
            found = connection.execute(rows).all()
            names = names_in(connection, [row.id for row in found], scope)
        listed = [DocumentRow(row.id, names[row.id][0], row.pages_done, row.sha256) for row in found if row.id in names]
        return sorted(listed, key=lambda row: (row.name, row.id))

    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], Path]:
        """The pictures of pages, by (document, page); what is outside the scope or has none is left out."""
        with self._catalog.reading() as connection:
            found = documents.renders(connection, pages, scope)
        return {page: self.settings.data / path for page, path in found.items()}

    def status(self) -> Status:
        """What is stored, what waits, what failed and why, and which lanes are on."""
        with self._catalog.reading() as connection:
            rows = sources.settled(connection)
            pages, chunks = documents.counts(connection)
            renewed = len(documents.renewed(connection))
        states: dict[str, int] = {}
        for row in rows:
            states[row.state] = states.get(row.state, 0) + 1
        failed = tuple((row.name, f"{row.reason} {row.hint}".strip()) for row in rows if row.state == "failed")
        lanes = self._retriever.lanes()
        unprinted, unsaid = self._parts.fingerprinting.waiting(), self._parts.captions.waiting()
        return Status(states, pages, chunks, self._lanes.waiting(), failed, lanes, renewed, unprinted, unsaid)

    def lanes(self) -> Mapping[str, str]:
        """Of every lane `on`, or `off: why`."""
        return self._retriever.lanes()

    def kept(self) -> list[Kept]:
        """What is kept where, and for how long."""
        return kept(self.settings, self._catalog)

    def doctor(self) -> Iterator[Check]:
        """Prove every link of the chain, one after another."""
        from rag.operations.doctor import checks

        parts = self._parts
        return checks(self.settings, self._catalog, self._lanes, parts.captions, parts.open_reader, parts.generator)

    # ------------------------------------------------------------ models

    def models(self) -> list[ModelRow]:
        """The embedders known to work, which of them are on this machine, and which one the settings choose."""
        from rag.adapters import openclip_weights as weights

        choice = weights.choose(self.settings.embed)
        rows = [
            ModelRow(
                preset.model,
                preset.weights,
                preset.memory,
                weights.cached(preset.model, preset.weights) is not None,
                (preset.model, preset.weights) == (choice.model, choice.weights),
                preset.note,
            )
            for preset in weights.PRESETS
        ]
        if not any(row.used for row in rows):
            here = weights.is_here(choice)
            rows.append(ModelRow(choice.model, choice.weights, "", here, True, "set by embed.model and embed.weights"))
        return rows

    def pull(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path:
        """Fetch weights into the hub's cache; the ones the settings choose unless others are named.

        Raise OperatorMustAct when the hub cannot be reached, BadSetting for what open_clip does not know.
        """
        from rag.adapters import openclip_weights

        named = {key: value for key, value in (("model", model), ("weights", weights)) if value}
        choice = openclip_weights.choose(self.settings.embed.model_copy(update=named))
        return openclip_weights.pull(choice.model, choice.weights, report)

    def train_projection(self, report: Callable[[int, int], None] = lambda *_: None) -> Trained:
        """Learn from what is indexed to turn text vectors into CLIP's, for embed.query_side=projection.

        Raise EmbedderFailed without one of the two embedders, UserCanFix for too few texts.
        """
        from rag.evaluation.projection_training import train_projection

        return train_projection(self._lanes, self.settings.data, report)

    def keep_decisions(self, decisions: confidence.ConfidenceModels) -> Path:
        """Decide by these from the next start, and for others as before; where they lie now."""
        return confidence.save(self.settings.data, decisions)

    # ------------------------------------------------------------ looking up

    def _known_documents(self) -> set[int]:
        with self._catalog.reading() as connection:
            return set(connection.scalars(select(document.c.id)))

    def _named(self, names: Sequence[str]) -> list[int]:
        """Source ids by path, file name or SHA-256 digits. Raise NotFound for a name nothing has."""
        found: list[int] = []
        with self._catalog.reading() as connection:
            for name in names:
                resolved = str(Path(name).resolve()) if Path(name).exists() else name
                rows = sources.find_sources(connection, name) or sources.find_sources(connection, resolved)
                if not rows:
                    raise NotFound(f"Nothing is known by the name {name!r}.", "`magpie status` says what is indexed.")
                found += [source_id for source_id, _ in rows]
        return list(dict.fromkeys(found))

    def _outcomes(
        self, ids: Sequence[int], changed: set[int], before: set[int], *, newest: bool = False
    ) -> list[Outcome]:
        outcomes = []
        with self._catalog.reading() as connection:
            for row in sources.settled(connection, ids, newest=newest):
                if row.state == "failed":
                    state = "failed"
                elif row.source not in changed:
                    state = "unchanged"
                else:
                    state = "known" if row.document in before else "new"
                outcomes.append(Outcome(row.name, state, row.pages, row.reason, row.hint))
        return outcomes
