"""Vectors in Chroma: one collection per embedder and modality, or the article's single one."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.adapters.zero_memory import Zeroing
from rag.errors import Busy, StoreBroken
from rag.model import Modality
from rag.ports import Neighbour, StoredVector, Vector

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_BATCH = 5_000
"""Rows a call; Chroma 1.5 takes at most 5,461."""

_HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 200, "num_threads": 1}

_PASSING = ("database is locked", "database schema is locked", "disk I/O error", "Could not connect to tenant")
"""What a reader meets while the owner writes; everything else means that the collection is broken."""

_OWN = ("chromadb", "sqlite3", "pyo3_runtime")
"""Modules whose errors are the store's. A panic of its Rust side comes from the last, and is no Exception."""

_UNKNOWN_ID = "finding id"
"""`ids=` with an id that is not there fails as a whole."""


class ChromaStore:
    """VectorStore on Chroma's persistent client. Holds ids, modality and document number; no text, no spaces."""

    def __init__(self, path: Path, layout: Literal["split", "single"] = "split") -> None:
        # Chroma keeps one system per path as it is spelt: two spellings would be two writers.
        self._path = path.resolve()
        self._single = layout == "single"
        self._client: ClientAPI | None = None
        self._opening = threading.Lock()
        self._drops = 0
        self._zeroed = Zeroing()

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        for modality in Modality:
            mine = list({(row.chunk, row.window): row for row in rows if row.modality is modality}.values())
            for start in range(0, len(mine), _BATCH):
                batch = mine[start : start + _BATCH]
                with self._named():
                    self._made(identity, modality).upsert(
                        ids=[f"{row.chunk}.{row.window}" for row in batch],
                        embeddings=[row.vector for row in batch],
                        metadatas=[{"modality": row.modality.value, "document": row.document} for row in batch],
                    )

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbour]:
        with self._named():
            collection = self._found(identity, modality)
            if collection is None or k < 1 or (among is not None and not among):
                return []
            wanted: dict[str, Any] = {"where": {"modality": modality.value}} if self._single else {}
            if among is None:
                return self._ask(collection, vector, k, wanted)
            ids = [f"{chunk}.{window}" for chunk, window in among]
            try:
                return self._ask(collection, vector, min(k, len(ids)), wanted | {"ids": ids})
            except Exception as error:
                if _UNKNOWN_ID not in str(error):
                    raise
            # The catalog is ahead of the store while an owner writes: ask among those that are there.
            ids = collection.get(ids=ids, include=[])["ids"]
            return self._ask(collection, vector, min(k, len(ids)), wanted | {"ids": ids}) if ids else []

    def _ask(self, collection: Collection, vector: Vector, k: int, wanted: dict[str, Any]) -> list[Neighbour]:
        if k < 1:
            return []
        found = collection.query(query_embeddings=[vector], n_results=k, include=["distances"], **wanted)
        distances = found["distances"] or [[]]
        return [
            Neighbour(int(chunk), int(window), 1.0 - distance)
            for (chunk, _, window), distance in zip(
                (name.partition(".") for name in found["ids"][0]), distances[0], strict=True
            )
        ]

    def remove(self, rows: Sequence[tuple[int, int]]) -> None:
        ids = [f"{chunk}.{window}" for chunk, window in rows]
        with self._named():
            for collection in self._opened().list_collections():
                for start in range(0, len(ids), _BATCH):
                    collection.delete(ids=ids[start : start + _BATCH])

    def count(self, identity: str) -> int:
        with self._named():
            names = {self._name(identity, modality) for modality in Modality}
            return sum(
                collection.count() for collection in self._opened().list_collections() if collection.name in names
            )

    def drop(self, identity: str | None = None) -> None:
        """When the store is too broken to delete a collection, everything in its folder goes."""
        self._drops += 1
        wanted = None if identity is None else {self._name(identity, modality) for modality in Modality}
        try:
            client = self._opened()
            for collection in client.list_collections():
                if wanted is None or collection.name in wanted:
                    client.delete_collection(collection.name)
            self.close()
            with self._opening:
                self._remove_orphans()
        except BaseException as error:
            if not _is_own(error):
                raise
            self._erase()

    def close(self) -> None:
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # a broken client may not close; its files are not in the way
                client.close()

    def _remove_orphans(self) -> None:
        """Chroma 1.5 leaves the vectors of a deleted collection on disk, in a folder named by its segment.

        Only while no client is open: closing the file here would end the locks that Chroma's own SQLite holds
        on it in this process.
        """
        with closing(sqlite3.connect(f"{(self._path / 'chroma.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
            alive = {row[0] for row in database.execute("SELECT id FROM segments")}
        for folder in self._path.iterdir():
            if folder.is_dir() and folder.name not in alive:
                shutil.rmtree(folder)

    def _erase(self) -> None:
        self.close()
        try:
            if self._path.exists():
                shutil.rmtree(self._path)
        except OSError as error:
            raise StoreBroken(
                f"The broken vector store cannot be removed: {error}.", f"Delete {self._path} by hand."
            ) from error

    # ------------------------------------------------------------ collections

    def _opened(self) -> ClientAPI:
        with self._opening:
            if self._client is None:
                import chromadb
                from chromadb.config import Settings

                self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
                settings = Settings(anonymized_telemetry=False)
                try:
                    self._client = chromadb.PersistentClient(path=str(self._path), settings=settings)
                except Exception as error:  # also what its own cleaning up after a failed start raises
                    raise RuntimeError(str(error.__context__ or error)) from error
            return self._client

    def _name(self, identity: str, modality: Modality) -> str:
        return f"magpie-{identity}" if self._single else f"magpie-{identity}-{modality.value}"

    def _made(self, identity: str, modality: Modality) -> Collection:
        return self._opened().get_or_create_collection(
            self._name(identity, modality), configuration={"hnsw": _HNSW}, embedding_function=None
        )

    def _found(self, identity: str, modality: Modality) -> Collection | None:
        client = self._opened()
        from chromadb.errors import NotFoundError

        try:
            return client.get_collection(self._name(identity, modality), embedding_function=None)
        except NotFoundError:
            return None

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Chroma's errors as ours: what passes by itself, and what does not. Its files are made at any call."""
        drops = self._drops
        try:
            with self._zeroed():
                yield
        except BaseException as error:
            if not _is_own(error):
                raise
            if self._drops != drops or any(sign in str(error) for sign in _PASSING):
                raise Busy("The vector store is busy.", "Try again in a moment.") from error
            raise StoreBroken(
                f"The vector store cannot be used: {error}.", "`magpie index` on any file fills it again."
            ) from error


def _is_own(error: BaseException) -> bool:
    """Whether the store is wrong, and not what was asked of it."""
    return type(error).__module__.startswith(_OWN) or isinstance(error, OSError | RuntimeError)
