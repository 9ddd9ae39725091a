"""A search whose rankings are given: what `measure` measures, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.model import WHOLE_PAGE, Found, Hit, Kind, Scope


@dataclass(frozen=True)
class FakeDocument:
    id: int
    name: str


@dataclass
class FakeSearched:
    """`rankings`: query (or picture name) -> lane -> pages as (document, page); "fused" makes the hits.

    A scope is honoured as the real search does: pages outside it are taken out of every ranking.
    """

    names: Mapping[int, str]
    rankings: Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]
    scopes: list[Scope] = field(default_factory=list)
    off: Mapping[str, str] = field(default_factory=dict)

    def documents(self, scope: Scope) -> list[FakeDocument]:
        return [FakeDocument(*row) for row in self.names.items()]

    def find(self, query: str, scope: Scope, k: int = 10) -> Found:
        self.scopes.append(scope)
        lanes = {
            lane: tuple(page for page in pages if self._inside(page[0], scope))
            for lane, pages in self.rankings.get(query, {}).items()
        }
        fused = lanes.pop("fused", ())
        hits = tuple(_hit(rank, page, self.names[page[0]]) for rank, page in enumerate(fused[:k], 1))
        return Found(
            found=bool(hits),
            hits=hits,
            lanes=dict.fromkeys(lanes, "on") | dict(self.off),
            why="" if hits else "No page holds these words.",
            stage_ms={"embed": 4.0, "words": 2.0},
            rankings=lanes,
        )

    def find_picture(self, path: Path, scope: Scope, k: int = 10) -> Found:
        return self.find(path.name, scope, k)

    @staticmethod
    def _inside(document: int, scope: Scope) -> bool:
        return document not in scope.without and (scope.documents is None or document in scope.documents)


def _hit(rank: int, page: tuple[int, int], name: str) -> Hit:
    return Hit(
        rank=rank,
        chunk=rank,
        document=page[0],
        name=name,
        link=None,
        page=page[1],
        label=None,
        kind=Kind.TEXT,
        text="",
        heading="",
        caption="",
        box=WHOLE_PAGE,
        marks=(),
        picture=None,
        render=None,
        lanes={},
    )
