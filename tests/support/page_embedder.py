"""A late-interaction model without weights: it knows the colors of the parts of a page, and the words for colors."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rag.adapters.page_tokens import TokenGrid, compress
from rag.errors import MagpieError
from rag.ports import PageTokens
from tests.support.tiny_clip.shapes import COLORS

_KNOWN = {**COLORS, "white": (255, 255, 255)}
_CELLS = 8


@dataclass
class FakePageEmbedder:
    """Satisfies ports.PageEmbedder and ports.Offloadable. `breaks` is raised while it is set."""

    identity: str = "fake-pages-1"
    max_bytes: int = 64 << 10
    breaks: MagpieError | None = None
    batches: list[int] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)

    def embed_pages(self, pictures: Sequence[bytes]) -> list[PageTokens | None]:
        self._check()
        self.batches.append(len(pictures))
        return [self._of_picture(picture) for picture in pictures]

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Return a row for each word: that of a color, or of no color for other words."""
        self._check()
        self.questions.append(text)
        words = re.findall(r"\w+", text.lower()) or [""]
        return np.stack([_direction(_KNOWN[word]) if word in _KNOWN else _OTHER for word in words])

    def offload(self) -> None:
        self.moves.append("leave")

    def reload(self) -> None:
        self.moves.append("back")

    def _of_picture(self, picture: bytes) -> PageTokens | None:
        try:
            with Image.open(io.BytesIO(picture)) as opened:
                cells = np.asarray(opened.convert("RGB").resize((_CELLS, _CELLS), Image.Resampling.BOX))
        except OSError:
            return None
        rows = np.stack([_direction(tuple(cell)) for cell in cells.reshape(-1, 3)])
        return compress([TokenGrid(rows.reshape(_CELLS, _CELLS, -1))], self.max_bytes)

    def _check(self) -> None:
        if self.breaks is not None:
            raise self.breaks


def _direction(color: Sequence[int]) -> NDArray[np.float32]:
    """Return a row that has a high cosine with those of similar colors only."""
    distances = np.array([np.abs(np.subtract(color, known)).sum() for known in _KNOWN.values()], np.float32)
    row = np.concatenate([np.exp(-distances / 60), [0.02]]).astype(np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


_OTHER = np.eye(1, len(_KNOWN) + 1, len(_KNOWN), dtype=np.float32)[0]
"""The row of a word that is not a color."""
