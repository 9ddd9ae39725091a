"""An exact vector store in memory that can be made to fail."""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import Busy, StoreBroken
from rag.model.extraction import Modality
from rag.ports import Neighbor, StoredVector, Vector


class FakeStore:
    """Satisfies ports.VectorStore. While `broken` is set, methods raise StoreBroken. `drop` resets it.

    `busy`: how many of the next calls raise Busy.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[tuple[int, int], StoredVector]] = {}
        self.broken = False
        self.busy = 0

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        self._check()
        self.rows.setdefault(identity, {}).update({(row.chunk, row.window): row for row in rows})

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbor]:
        self._check()
        allowed = None if among is None else set(among)
        near = [
            Neighbor(row.chunk, row.window, float(row.vector @ vector))
            for key, row in self.rows.get(identity, {}).items()
            if row.modality is modality and (allowed is None or key in allowed)
        ]
        return sorted(near, key=lambda neighbor: (-neighbor.similarity, neighbor.chunk, neighbor.window))[: max(0, k)]

    def remove(self, rows: Sequence[tuple[int, int]]) -> None:
        self._check()
        for kept in self.rows.values():
            for key in rows:
                kept.pop(key, None)

    def count(self, identity: str) -> int:
        self._check()
        return len(self.rows.get(identity, {}))

    def usage(self) -> tuple[int, int]:
        self._check()
        count = sum(len(kept) for kept in self.rows.values())
        return count, count

    def drop(self, identity: str | None = None) -> None:
        self.broken = False
        if identity is None:
            self.rows.clear()
        else:
            self.rows.pop(identity, None)

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.busy:
            self.busy -= 1
            raise Busy("The vector store is busy.", "Try again in a moment.")
        if self.broken:
            raise StoreBroken("The vector store cannot be used: it was broken.", "")
