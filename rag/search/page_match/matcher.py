"""Find the page that a picture shows by the fingerprints of pages, and prove it by their pixels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from rag.catalog import Catalog, fingerprints
from rag.catalog.fingerprints import StoredFingerprint
from rag.model.extraction import WHOLE_PAGE, Box
from rag.model.search import PageKey, Scope
from rag.search.page_match.candidates import nearest_by_keys, votes
from rag.search.page_match.result import NO_MATCH, MatchResult, PageMatch
from rag.search.page_match.verification import MIN_POINTS_TO_JUDGE, Proof, align, prove
from rag.vectors.fingerprints import (
    METHOD,
    POINT,
    QUERY_POINTS,
    QUERY_SIDE,
    GrayImage,
    Points,
    fingerprint_of,
    hash_distance,
    load_gray,
    opencv_problem,
    phash,
    points,
)

_MAX_NEAREST, _MAX_VOTED = 12, 18
"""Pages that a picture is compared with: those that other lanes and the perceptual hash suggest, and those that its
points vote for. Each takes about 12 ms."""

_MAX_BY_HASH, _MAX_HASH_DISTANCE = 5, 16
"""Pages taken by their perceptual hash, and of its 63 bits how many may differ. Unrelated pages differ in 31."""

_CERTAIN, _MIN_LEAD = 0.8, 0.05
"""Agreement from which the words of a picture are not needed to know its page, unless another page is proved whose
blocks correlate nearly as well: pages that were filled in, or two versions of one."""

_MAX_WAITING = 12
"""Pages without a fingerprint, of the newest documents, for which one is made while the picture waits. Each takes about
60 ms."""

_MAX_PAGES = 5_000
"""Pages of a scope whose fingerprints are all compared: 55 MB of fingerprints, about half a second."""

_MAX_BY_KEYS = 3_000
"""Pages of a larger scope whose fingerprints are compared: those that share the most keys with the picture."""

_MAX_HASHES = 5_000
"""Pages of a scope whose perceptual hashes are compared, those of the newest documents."""


@dataclass(frozen=True, slots=True)
class _Picture:
    gray: GrayImage
    points: Points


class PageMatcher:
    """Find the page that a picture shows, by its pixels."""

    def __init__(self, catalog: Catalog, data: Path, max_pages: int = _MAX_PAGES) -> None:
        """`max_pages`: pages of a scope of which all are compared."""
        self._catalog = catalog
        self._data = data
        self._max_pages = max_pages

    @cached_property
    def unavailable(self) -> str:
        """Return why pixels cannot be compared on this machine, or an empty string."""
        return opencv_problem()

    def match(self, path: Path, candidates: Iterable[PageKey], scope: Scope) -> MatchResult:
        """Return the pages of a scope that a picture shows.

        It is compared with the candidates and with pages of a similar perceptual hash first. Only if it shows none of
        these, or only shared pictures, it is compared with the pages that share most of its points, and with new ones
        that have no fingerprint yet.
        """
        gray = None if self.unavailable else load_gray(path)
        if gray is None:
            return NO_MATCH
        picture = _Picture(gray, points(gray, QUERY_SIDE, QUERY_POINTS))
        if not len(picture.points):
            return NO_MATCH
        nearest = list(dict.fromkeys([*self._find_by_hash(gray, scope), *candidates]))[:_MAX_NEAREST]
        stored = self._stored(nearest, scope)
        proofs = self._prove(picture, stored)
        is_shared_picture = {(page.document, page.number): page.is_picture for page in stored}
        # A document's page ranks before a shared picture of it, so it is searched for even if such a picture matches.
        if all(is_shared_picture[page] for page, proof in proofs.items() if proof.is_proved):
            others = self._find_by_points(picture.points, set(nearest), scope)
            more = [*self._stored(others, scope), *self._made_now(scope)]
            proofs |= self._prove(picture, more)
            is_shared_picture |= {(page.document, page.number): page.is_picture for page in more}
        proved = {page: proof for page, proof in proofs.items() if proof.is_proved}
        order = sorted(proved, key=lambda page: (is_shared_picture[page], -proved[page].likeness, page))
        with self._catalog.read_transaction() as connection:
            chunks = fingerprints.chunks_on(connection, order)
        matches = {
            page: PageMatch(proved[page], _largest_chunk(chunks[page], proved[page].box))
            for page in order
            if page in chunks
        }
        compared = frozenset(is_shared_picture) if len(picture.points) >= MIN_POINTS_TO_JUDGE else frozenset()
        best_agreement = max((proof.agreement for proof in proofs.values()), default=0.0)
        return MatchResult(matches, compared, best_agreement, _is_certain(order, proved, is_shared_picture))

    def _find_by_hash(self, gray: GrayImage, scope: Scope) -> list[PageKey]:
        """Return the pages that look like the picture as a whole, nearest first."""
        own = phash(gray)
        with self._catalog.read_transaction() as connection:
            rows = fingerprints.hashes(connection, scope, METHOD, _MAX_HASHES)
        near = sorted((bits, page) for page, other in rows if (bits := hash_distance(own, other)) <= _MAX_HASH_DISTANCE)
        return [page for _, page in near[:_MAX_BY_HASH]]

    def _find_by_points(self, own: Points, known: Collection[PageKey], scope: Scope) -> list[PageKey]:
        """Return the pages, other than the known ones, that share most of the picture's points."""
        with self._catalog.read_transaction() as connection:
            rows: Iterable[tuple[PageKey, bytes]]
            if (number := fingerprints.count_fingerprints(connection, scope, METHOD)) > self._max_pages:
                keyed = nearest_by_keys(own, fingerprints.keys_in(connection, scope, METHOD), number, _MAX_BY_KEYS)
                stored = fingerprints.points_of(connection, keyed, scope, METHOD)
                rows = (((page.document, page.number), page.points) for page in stored)
            else:
                rows = fingerprints.points_in(connection, scope, METHOD)
            found = {page: np.frombuffer(coded, POINT) for page, coded in rows if page not in known}
        ranked = sorted(zip(-votes(own, list(found.values())), found, strict=True))
        return [page for vote, page in ranked[:_MAX_VOTED] if vote]

    def _stored(self, pages: Sequence[PageKey], scope: Scope) -> list[StoredFingerprint]:
        if not pages:
            return []
        with self._catalog.read_transaction() as connection:
            return fingerprints.points_of(connection, pages, scope, METHOD)

    def _made_now(self, scope: Scope) -> list[StoredFingerprint]:
        """Return the fingerprints of pages that still wait for theirs, so that they are not overlooked."""
        with self._catalog.read_transaction() as connection:
            waiting = fingerprints.pages_waiting_in(connection, scope, METHOD, _MAX_WAITING)
        return [replace(page, points=fingerprint_of(self._data / page.page_image).points.tobytes()) for page in waiting]

    def _prove(self, picture: _Picture, pages: Sequence[StoredFingerprint]) -> dict[PageKey, Proof]:
        """Return the proofs for those of the pages that the picture aligns with."""
        proofs: dict[PageKey, Proof] = {}
        for page in pages:
            alignment = align(picture.points, np.frombuffer(page.points, POINT))
            gray = load_gray(self._data / page.page_image) if alignment is not None else None
            if alignment is None or gray is None:
                continue
            proofs[page.document, page.number] = prove(picture.gray, gray, alignment)
        return proofs


def _is_certain(
    order: Sequence[PageKey], proved: Mapping[PageKey, Proof], is_shared_picture: Mapping[PageKey, bool]
) -> bool:
    """Return whether the first page is shown almost completely, and no other page looks nearly the same."""
    if not order or is_shared_picture[order[0]] or proved[order[0]].agreement < _CERTAIN:
        return False
    return all(proved[order[0]].likeness - proved[other].likeness >= _MIN_LEAD for other in order[1:])


def _largest_chunk(chunks: Sequence[tuple[int, Box]], region: Box) -> int:
    """Return the chunk that fills most of a region: a text, table or figure if there is one, else the whole page."""
    inside = [(box.intersection(region), chunk_id) for chunk_id, box in chunks if box != WHOLE_PAGE]
    best = max(inside, key=lambda pair: (pair[0], -pair[1]), default=(0.0, 0))
    return best[1] if best[0] > 0 else chunks[-1][0]
