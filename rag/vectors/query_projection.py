"""What makes the questions for CLIP's lanes: its own text tower, or the trained projection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rag.errors import OperatorMustAct, TryAgain
from rag.ports import Vector
from rag.vectors.lanes import Lanes
from rag.vectors.projection import Projection, load


def query_by_projection(lanes: Lanes, data: Path, notice: Callable[[str], None]) -> QuerySide:
    """From now on questions to CLIP are projected text vectors, where there is a projection that fits."""
    side = QuerySide(lanes, data, notice)
    lanes.clip.project, lanes.clip.side = side.project, side.look
    return side


class QuerySide:
    """Questions for CLIP's lanes made by projecting text vectors. What does not fit is said once, and CLIP's own
    text tower takes its place."""

    def __init__(self, lanes: Lanes, data: Path, notice: Callable[[str], None]) -> None:
        self._lanes = lanes
        self._data = data
        self._notice = notice
        self._loaded: Projection | None = None
        self._said = ""

    def look(self) -> Projection | str:
        """The projection between the embedders of now, or why there is none."""
        text, clip = self._lanes.text.identity(), self._lanes.clip.identity()
        if text is None or clip is None:
            lane = self._lanes.text if text is None else self._lanes.clip
            return f"{'the text embedder' if text is None else 'CLIP'} is off: {lane.off}"
        if self._loaded is not None and (self._loaded.text, self._loaded.clip) == (text, clip):
            return self._loaded
        return load(self._data, text, clip)

    def project(self, text: str) -> list[Vector] | None:
        found = self.look()
        if not isinstance(found, str):
            self._loaded = found
            try:
                queries = self._lanes.text.of_text(text)
                return found.apply(queries) if queries else []
            except (OperatorMustAct, TryAgain) as error:
                found = str(error).rstrip(".")
        if found != self._said:
            self._said = found
            self._notice(f"Questions go to CLIP's own text tower: {found}.")
        return None
