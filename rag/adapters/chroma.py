"""Vectors in Chroma: one collection per embedder and modality, or a single one per embedder."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rag.adapters.zero_memory import Zeroing
from rag.errors import Busy, StoreBroken
from rag.model.extraction import Modality
from rag.ports import Neighbor, StoredVector, Vector

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

_BATCH = 5_000
"""Rows per call; Chroma 1.5 accepts at most 5,461."""

_HNSW = {"space": "cosine", "ef_construction": 200, "max_neighbors": 32, "ef_search": 200, "num_threads": 1}

_TRANSIENT = ("database is locked", "database schema is locked", "disk I/O error", "Could not connect to tenant")
"""Errors that a reader may get while the owner writes. Any other error means that the store is broken."""

_STORE_MODULES = ("chromadb", "sqlite3", "pyo3_runtime")
"""Modules whose errors come from the store. A panic in Chroma's Rust code is from the last one; it is a BaseException.
"""

_UNKNOWN_ID = "finding id"
"""Chroma rejects a query whose `ids` contain an id that does not exist."""


class ChromaStore:
    """Implements ports.VectorStore with Chroma's persistent client. Stores ids, modality and document id only."""

    def __init__(self, path: Path, layout: Literal["split", "single"] = "split") -> None:
        # Chroma has one instance per spelling of a path: two spellings would be two writers.
        self._path = path.resolve()
        self._single = layout == "single"
        self._client: ClientAPI | None = None
        self._opening = threading.Lock()
        self._drops = 0
        self._zeroed = Zeroing()

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        for modality in Modality:
            unique = list({(row.chunk, row.window): row for row in rows if row.modality is modality}.values())
            for start in range(0, len(unique), _BATCH):
                batch = unique[start : start + _BATCH]
                with self._map_errors():
                    self._get_or_create(identity, modality).upsert(
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
    ) -> list[Neighbor]:
        with self._map_errors():
            collection = self._get(identity, modality)
            if collection is None or k < 1 or (among is not None and not among):
                return []
            filters: dict[str, Any] = {"where": {"modality": modality.value}} if self._single else {}
            if among is None:
                return self._query(collection, vector, k, filters)
            ids = [f"{chunk}.{window}" for chunk, window in among]
            try:
                return self._query(collection, vector, min(k, len(ids)), filters | {"ids": ids})
            except Exception as error:
                if _UNKNOWN_ID not in str(error):
                    raise
            # While the owner writes, the store may lack vectors that the catalog has: search the existing ones.
            ids = collection.get(ids=ids, include=[])["ids"]
            return self._query(collection, vector, min(k, len(ids)), filters | {"ids": ids}) if ids else []

    def _query(self, collection: Collection, vector: Vector, k: int, filters: dict[str, Any]) -> list[Neighbor]:
        if k < 1:
            return []
        found = collection.query(query_embeddings=[vector], n_results=k, include=["distances"], **filters)
        distances = found["distances"] or [[]]
        return [
            Neighbor(int(chunk), int(window), 1.0 - distance)
            for (chunk, _, window), distance in zip(
                (name.partition(".") for name in found["ids"][0]), distances[0], strict=True
            )
        ]

    def remove(self, rows: Sequence[tuple[int, int]]) -> None:
        ids = [f"{chunk}.{window}" for chunk, window in rows]
        with self._map_errors():
            for collection in self._open_client().list_collections():
                for start in range(0, len(ids), _BATCH):
                    collection.delete(ids=ids[start : start + _BATCH])

    def count(self, identity: str) -> int:
        with self._map_errors():
            names = {self._name(identity, modality) for modality in Modality}
            return sum(
                collection.count() for collection in self._open_client().list_collections() if collection.name in names
            )

    def usage(self) -> tuple[int, int]:
        with self._map_errors():
            live = sum(collection.count() for collection in self._open_client().list_collections())
            return live, max(live, sum(_count_places(header) for header in self._path.glob("*/header.bin")))

    def drop(self, identity: str | None = None) -> None:
        """Delete collections. If the store is too damaged for that, delete its whole folder."""
        self._drops += 1
        names = None if identity is None else {self._name(identity, modality) for modality in Modality}
        try:
            client = self._open_client()
            for collection in client.list_collections():
                if names is None or collection.name in names:
                    client.delete_collection(collection.name)
            self.close()
            with self._opening:
                self._remove_orphans()
        except BaseException as error:
            if not _is_store_error(error):
                raise
            self._erase()

    def close(self) -> None:
        with self._opening:
            client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # a damaged store may fail to close; its files can be used all the same
                client.close()

    def _remove_orphans(self) -> None:
        """Delete the vectors of deleted collections, which Chroma 1.5 leaves on disk.

        They are in a folder named by the segment, and in free pages of the database, which VACUUM removes.

        Call it only while no client is open: closing the database here would release the locks that Chroma's SQLite
        holds on it in this process.
        """
        address = f"{(self._path / 'chroma.sqlite3').as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as database:
            segments = {row[0] for row in database.execute("SELECT id FROM segments")}
            with suppress(sqlite3.OperationalError):  # another process reads it: the next drop does it
                database.execute("VACUUM")
        for folder in self._path.iterdir():
            if folder.is_dir() and folder.name not in segments:
                shutil.rmtree(folder)

    def _erase(self) -> None:
        self.close()
        try:
            if self._path.exists():
                shutil.rmtree(self._path)
        except OSError as error:
            raise StoreBroken(
                f"The damaged vector store cannot be deleted: {error}.", f"Delete the folder {self._path}."
            ) from error

    # ------------------------------------------------------------ collections

    def _open_client(self) -> ClientAPI:
        with self._opening:
            if self._client is None:
                import chromadb
                from chromadb.config import Settings

                self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
                settings = Settings(anonymized_telemetry=False)
                try:
                    self._client = chromadb.PersistentClient(path=str(self._path), settings=settings)
                except Exception as error:  # includes errors of Chroma's own cleanup after a failed start
                    raise RuntimeError(str(error.__context__ or error)) from error
            return self._client

    def _name(self, identity: str, modality: Modality) -> str:
        return f"magpie-{identity}" if self._single else f"magpie-{identity}-{modality.value}"

    def _get_or_create(self, identity: str, modality: Modality) -> Collection:
        return self._open_client().get_or_create_collection(
            self._name(identity, modality), configuration={"hnsw": _HNSW}, embedding_function=None
        )

    def _get(self, identity: str, modality: Modality) -> Collection | None:
        client = self._open_client()
        from chromadb.errors import NotFoundError

        try:
            return client.get_collection(self._name(identity, modality), embedding_function=None)
        except NotFoundError:
            return None

    @contextmanager
    def _map_errors(self) -> Iterator[None]:
        """Map Chroma's errors to Busy (transient) and StoreBroken. Zero memory meanwhile: any call may write files."""
        drops = self._drops
        try:
            with self._zeroed():
                yield
        except BaseException as error:
            if not _is_store_error(error):
                raise
            if self._drops != drops or any(sign in str(error) for sign in _TRANSIENT):
                raise Busy("The vector store is busy.", "Try again in a moment.") from error
            raise StoreBroken(
                f"The vector store cannot be used: {error}.", "To refill it, run `magpie index` on any file."
            ) from error


def _count_places(header: Path) -> int:
    """Return how many vectors an index of Chroma has places for, those of deleted vectors among them.

    hnswlib's header: version (4 bytes), offset of level 0, maximum and current number of elements (8 bytes each).
    """
    try:
        return int(struct.unpack_from("<QQQ", header.read_bytes(), 4)[2])
    except (OSError, struct.error):  # being written, or deleted a moment ago
        return 0


def _is_store_error(error: BaseException) -> bool:
    """Return whether an error comes from the store, not from the arguments of a call."""
    return type(error).__module__.startswith(_STORE_MODULES) or isinstance(error, OSError | RuntimeError)
