"""An encoder without a model that records its batches and can be held or made to fail."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence

from rag.errors import MagpieError, Unreadable
from rag.ports import Prepared, Vector
from tests.support.embedder import FakeEmbedder


class FakeEncoder(FakeEmbedder):
    """Satisfies ports.Encoder and ports.Movable.

    Batches wait until `open` is set. `batches` records their sizes in order. `breaks` is raised while it is set.
    """

    def __init__(self, identity: str = "fake-embedder-1") -> None:
        self.identity = identity
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)
        self.batches: list[tuple[str, int]] = []
        self.breaks: MagpieError | None = None
        self.moves: list[str] = []
        self.away = False

    def prepare_picture(self, picture: bytes) -> Prepared:
        vector = self._of_colors(io.BytesIO(picture))
        if vector is None:
            raise Unreadable("The picture cannot be decoded.")
        return vector

    def prepare_texts(self, texts: Sequence[str]) -> list[Prepared]:
        return list(texts)

    def encode_pictures(self, prepared: Sequence[Prepared]) -> list[Vector]:
        self._begin("pictures", len(prepared))
        return list(prepared)

    def encode_texts(self, prepared: Sequence[Prepared]) -> list[Vector]:
        self._begin("texts", len(prepared))
        return [self._of_words(text) for text in prepared]

    def _begin(self, what: str, count: int) -> None:
        self.batches.append((what, count))
        self.entered.release()
        assert self.open.wait(30)
        if self.breaks is not None:
            raise self.breaks

    def offload(self) -> None:
        self.moves.append("leave")
        self.away = True

    def reload(self) -> None:
        self.moves.append("back")
        self.away = False
