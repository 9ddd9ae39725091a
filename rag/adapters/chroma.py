"""Vectors in Chroma: one collection per embedder and modality, or the article's single one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

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

_UNKNOWN_ID = "finding id"
"""`ids=` with an id that is not there fails as a whole."""


class ChromaStore:
    """VectorStore on Chroma's persistent client. Holds ids, modality and document number; no text, no spaces."""

    def __init__(self, path: Path, layout: Literal["split", "single"] = "split") -> None:
        self._path = path
        self._single = layout == "single"
        self._client: ClientAPI | None = None

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        for modality in Modality:
            mine = [row for row in rows if row.modality is modality]
            for start in range(0, len(mine), _BATCH):
                batch = mine[start : start + _BATCH]
                with _named():
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
        with _named():
            collection = self._found(identity, modality)
            if collection is None or k < 1 or (among is not None and not among):
                return []
            wanted: dict[str, Any] = {"where": {"modality": modality.value}} if self._single else {}
            if among is None:
                return self._ask(collection, vector, min(k, collection.count()), wanted)
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
        pairs = [
            (*(int(part) for part in name.split(".")), 1.0 - distance)
            for name, distance in zip(found["ids"][0], distances[0], strict=True)
        ]
        return [Neighbour(chunk, window, similarity) for chunk, window, similarity in pairs]

    def remove(self, rows: Sequence[tuple[int, int]]) -> None:
        ids = [f"{chunk}.{window}" for chunk, window in rows]
        with _named():
            for collection in self._opened().list_collections():
                for start in range(0, len(ids), _BATCH):
                    collection.delete(ids=ids[start : start + _BATCH])

    def count(self, identity: str) -> int:
        with _named():
            names = {self._name(identity, modality) for modality in Modality}
            return sum(
                collection.count() for collection in self._opened().list_collections() if collection.name in names
            )

    def drop(self, identity: str | None = None) -> None:
        wanted = None if identity is None else {self._name(identity, modality) for modality in Modality}
        try:
            client = self._opened()
            for collection in client.list_collections():
                if wanted is None or collection.name in wanted:
                    client.delete_collection(collection.name)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is only a copy
            self.close()
            shutil.rmtree(self._path, ignore_errors=True)

    def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):  # a broken client may not close; its files are not in the way
                client.close()

    # ------------------------------------------------------------ collections

    def _opened(self) -> ClientAPI:
        if self._client is None:
            import chromadb
            from chromadb.config import Settings

            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._client = chromadb.PersistentClient(
                path=str(self._path), settings=Settings(anonymized_telemetry=False)
            )
        return self._client

    def _name(self, identity: str, modality: Modality) -> str:
        return f"magpie-{identity}" if self._single else f"magpie-{identity}-{modality.value}"

    def _made(self, identity: str, modality: Modality) -> Collection:
        return self._opened().get_or_create_collection(
            self._name(identity, modality), configuration={"hnsw": _HNSW}, embedding_function=None
        )

    def _found(self, identity: str, modality: Modality) -> Collection | None:
        name = self._name(identity, modality)
        client = self._opened()
        if name not in {collection.name for collection in client.list_collections()}:
            return None
        return client.get_collection(name, embedding_function=None)


@contextmanager
def _named() -> Iterator[None]:
    """Chroma's errors as ours: what passes by itself, and what does not."""
    try:
        yield
    except Exception as error:
        if type(error).__module__.startswith(("chromadb", "sqlite3")) or isinstance(error, OSError | RuntimeError):
            if any(sign in str(error) for sign in _PASSING):
                raise Busy("The vector store is busy.", "Try again in a moment.") from error
            raise StoreBroken(
                f"The vector store cannot be used: {error}.", "`magpie index` on any file fills it again."
            ) from error
        raise
