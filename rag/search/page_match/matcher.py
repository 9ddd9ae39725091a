"""Page match: find the page that a picture shows, and prove it by the fingerprints of pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from rag.catalog import Catalog, fingerprints
from rag.catalog.fingerprints import Place, Stored
from rag.model import WHOLE_PAGE, Box, Hit, Scope
from rag.search.page_match.candidates import votes
from rag.search.page_match.verification import ENOUGH, Proof, align, prove
from rag.vectors.fingerprints import (
    METHOD,
    POINT,
    QUERY_POINTS,
    QUERY_SIDE,
    Grey,
    Points,
    apart,
    load_grey,
    missing,
    phash,
    points,
)

_LIKELY, _OUTLINED = 12, 18
"""Pages that a picture is compared with, those that other lanes name and those that its outline does; each takes
about 12 ms."""

_LIKE_WHOLE, _NEAR = 5, 16
"""Pages taken for their hash, and the bits of 63 by which that may differ; of strangers it differs by 31 or so."""

_MOST = 5_000
"""Pages of a scope that are looked through, of the newest documents: 55 MB of fingerprints, about half a second."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A page that a picture shows: the proof, and the chunk that fills most of the picture's place there."""

    proof: Proof
    chunk: int

    def on(self, hit: Hit) -> Hit:
        """The hit at the picture's place on its page, with a sentence on what proves it."""
        agreement = f"{100 * self.proof.agreement:.0f} %"
        why = f"Its pixels match: {self.proof.points} points in place, {agreement} of the picture agrees."
        return replace(hit, box=self.proof.box, regions=(self.proof.box,), marks=(), why=why)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pixels say. `proofs`: pages that the picture shows, best first. `compared`: pages it was held against,
    and it has points enough for that to mean something. `best`: the best agreement, 0 to 1, of all of them."""

    proofs: Mapping[Place, Shown]
    compared: frozenset[Place]
    best: float = 0.0

    def agreement(self, pages: Collection[Place]) -> float | None:
        """The best agreement, 0 to 1; None when there was too little to see, or one of these pages, which come
        nearest by other lanes, was not compared: it may wait for its fingerprint."""
        judged = bool(self.proofs) or (bool(pages) and self.compared.issuperset(pages))
        return self.best if judged else None

    def on(self, hit: Hit) -> Hit:
        """The hit with what the pixels say of its page, if they do."""
        shown = self.proofs.get((hit.document, hit.page))
        return hit if shown is None else shown.on(hit)


NOTHING = Seen({}, frozenset())


@dataclass(frozen=True, slots=True)
class _Picture:
    grey: Grey
    points: Points


class PageMatcher:
    """Find the page that a picture shows, by its pixels. `off` says why it cannot, or is empty."""

    def __init__(self, catalog: Catalog, data: Path, *, wanted: bool) -> None:
        """`wanted`: whether the lane is set at all."""
        self._catalog = catalog
        self._data = data
        self._wanted = wanted

    @cached_property
    def off(self) -> str:
        return missing() if self._wanted else "not in search.lanes"

    def look(self, path: Path, likely: Iterable[Place], scope: Scope) -> Seen:
        """Prove the picture on pages of a scope: on the likely ones and those that look alike as a whole, and when
        it is on none of these, on those that share most of its points."""
        grey = None if self.off else load_grey(path)
        if grey is None:
            return NOTHING
        picture = _Picture(grey, points(grey, QUERY_SIDE, QUERY_POINTS))
        if not len(picture.points):
            return NOTHING
        first = dict.fromkeys([*self._like_whole(grey, scope), *likely])
        pages = list(first)[:_LIKELY]
        stored, held = self._held_against(picture, pages, scope)
        alone = {(one.document, one.number): one.picture for one in stored}
        # A page of a document goes before a single picture that somebody shared of it, so it is looked for even then.
        if all(alone[place] for place, proof in held.items() if proof.proved):
            others = self._by_outline(picture.points, set(pages), scope)
            more, proved = self._held_against(picture, others, scope)
            held |= proved
            alone |= {(one.document, one.number): one.picture for one in more}
        proofs = {place: proof for place, proof in held.items() if proof.proved}
        order = sorted(proofs, key=lambda place: (alone[place], -proofs[place].likeness, place))
        with self._catalog.reading() as connection:
            chunks = fingerprints.chunks_on(connection, order)
        shown = {
            place: Shown(proofs[place], _filling(chunks[place], proofs[place].box))
            for place in order
            if place in chunks
        }
        judged = len(picture.points) >= ENOUGH
        best = max((proof.agreement for proof in held.values()), default=0.0)
        return Seen(shown, frozenset(alone) if judged else frozenset(), best)

    def _like_whole(self, grey: Grey, scope: Scope) -> list[Place]:
        """Pages that look like the whole picture, nearest first."""
        ours = phash(grey)
        with self._catalog.reading() as connection:
            rows = fingerprints.hashes(connection, scope, METHOD, _MOST)
        near = sorted((bits, place) for place, theirs in rows if (bits := apart(ours, theirs)) <= _NEAR)
        return [place for _, place in near[:_LIKE_WHOLE]]

    def _by_outline(self, ours: Points, known: set[Place], scope: Scope) -> list[Place]:
        with self._catalog.reading() as connection:
            rows = fingerprints.points_in(connection, scope, METHOD, _MOST)
            found = {place: np.frombuffer(coded, POINT) for place, coded in rows if place not in known}
        ranked = sorted(zip(-votes(ours, list(found.values())), found, strict=True))
        return [place for vote, place in ranked[:_OUTLINED] if vote]

    def _held_against(
        self, picture: _Picture, pages: Sequence[Place], scope: Scope
    ) -> tuple[list[Stored], dict[Place, Proof]]:
        """Those of the pages that could be compared, and of those where the picture has a place, how well it agrees."""
        if not pages:
            return [], {}
        with self._catalog.reading() as connection:
            stored = fingerprints.points_of(connection, pages, scope, METHOD)
        found: dict[Place, Proof] = {}
        for one in stored:
            alignment = align(picture.points, np.frombuffer(one.points, POINT))
            grey = load_grey(self._data / one.render) if alignment is not None else None
            if alignment is None or grey is None:
                continue
            found[one.document, one.number] = prove(picture.grey, grey, alignment)
        return stored, found


def _filling(chunks: Sequence[tuple[int, Box]], place: Box) -> int:
    """The chunk that fills most of a place: a text, table or figure where there is one, else the page as a whole."""
    inside = [(box.intersection(place), chunk_id) for chunk_id, box in chunks if box != WHOLE_PAGE]
    best = max(inside, key=lambda one: (one[0], -one[1]), default=(0.0, 0))
    return best[1] if best[0] > 0 else chunks[-1][0]
