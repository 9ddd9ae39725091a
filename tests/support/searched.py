"""A search with given rankings, for tests of the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.model.extraction import Box, Kind
from rag.model.search import Hit, Scope, SearchResult
from rag.search.confidence import ConfidenceModel


@dataclass(frozen=True)
class FakeDocument:
    id: int
    name: str
    sha256: str = ""


@dataclass
class FakeSearched:
    """`rankings`: query (or picture name) -> lane -> pages as (document, page). The lane "fused" gives the hits.

    Pages outside the scope are removed from every ranking.
    """

    names: Mapping[int, str]
    rankings: Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]
    scopes: list[Scope] = field(default_factory=list)
    off: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[tuple[int, int], Path] = field(default_factory=dict)
    confidences: Mapping[str, float] = field(default_factory=dict)
    signals: Callable[[str, Scope], Mapping[str, float]] = lambda query, scope: {}
    decisions: dict[str, ConfidenceModel] = field(default_factory=dict)

    def documents(self, scope: Scope) -> list[FakeDocument]:
        return [FakeDocument(id_, name, f"{id_:x}" * 64) for id_, name in self.names.items()]

    def find(self, query: str, scope: Scope, k: int = 10) -> SearchResult:
        self.scopes.append(scope)
        lanes = {
            lane: tuple(page for page in pages if self._is_in_scope(page[0], scope))
            for lane, pages in self.rankings.get(query, {}).items()
        }
        fused = lanes.pop("fused", ())
        hits = tuple(
            _hit(rank, page, self.names[page[0]], self.pictures.get(page)) for rank, page in enumerate(fused[:k], 1)
        )
        return SearchResult(
            found=bool(hits),
            hits=hits,
            lanes=dict.fromkeys(lanes, "on") | dict(self.off),
            why="" if hits else "No page holds these words.",
            stage_ms={"embed": 4.0, "words": 2.0},
            rankings=lanes,
            confidence=self.confidences.get(query, 0.5) if hits else 0.0,
            signals=self.signals(query, scope),
        )

    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], Path]:
        """Return the pictures of the given pages that are in the scope."""
        return {
            page: self.pictures[page] for page in pages if page in self.pictures and self._is_in_scope(page[0], scope)
        }

    def save_confidence_models(self, decisions: Mapping[str, ConfidenceModel]) -> Path:
        self.decisions |= decisions
        return Path("decision.json")

    def find_picture(self, path: Path, scope: Scope, k: int = 10) -> SearchResult:
        return self.find(path.name, scope, k)

    @staticmethod
    def _is_in_scope(document: int, scope: Scope) -> bool:
        return document not in scope.without and (scope.documents is None or document in scope.documents)


def _hit(rank: int, page: tuple[int, int], name: str, page_image: Path | None) -> Hit:
    return Hit(
        rank=rank,
        chunk=rank,
        document=page[0],
        name=name,
        link=None,
        page=page[1],
        label=None,
        kind=Kind.TEXT,
        text="The relay <listens> on the quay.",
        heading="",
        caption="",
        box=Box(0.1, 0.2, 0.9, 0.4),
        line_boxes=(),
        picture=None,
        page_image=page_image,
        lanes={"words": rank},
    )
