"""The result of comparing a picture with pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from rag.model.search import Hit, PageKey
from rag.search.page_match.verification import Proof


@dataclass(frozen=True, slots=True)
class PageMatch:
    """A page that a picture shows: the proof, and the chunk that fills most of the matched region."""

    proof: Proof
    chunk: int

    def apply_to(self, hit: Hit) -> Hit:
        """Return the hit with the matched region as its box, and the proof as a sentence in `why`."""
        agreement = f"{100 * self.proof.agreement:.0f} %"
        why = f"Its pixels match: {self.proof.points} points in place, {agreement} of the picture agrees."
        return replace(hit, box=self.proof.box, regions=(self.proof.box,), line_boxes=(), why=why)


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The pages that a picture shows, best first.

    `compared`: the pages it was compared with; empty if the picture has too few points for a comparison to mean
    anything. `best_agreement`: the highest agreement, 0 to 1, with any of them. `is_certain`: the first match is a page
    that no other lane could rank lower.
    """

    matches: Mapping[PageKey, PageMatch]
    compared: frozenset[PageKey]
    best_agreement: float = 0.0
    is_certain: bool = False

    def agreement(self, nearest: Collection[PageKey]) -> float | None:
        """Return the best agreement, 0 to 1, or None if nothing can be concluded.

        That is the case if the picture has too few points, or if one of the pages nearest to it by other lanes could
        not be compared, because it has no fingerprint yet.
        """
        is_conclusive = bool(self.matches) or (bool(nearest) and self.compared.issuperset(nearest))
        return self.best_agreement if is_conclusive else None

    def apply_to(self, hit: Hit) -> Hit:
        """Return the hit with the match of its page, or unchanged if its page does not match."""
        match = self.matches.get((hit.document, hit.page))
        return hit if match is None else match.apply_to(hit)


NO_MATCH = MatchResult({}, frozenset())
