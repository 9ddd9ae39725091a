"""Build hits, the results that a reader sees, from ranked pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from rag.catalog.captions import captions_of
from rag.catalog.chunks import chunks_by_id
from rag.catalog.scope import shares_shown
from rag.model.extraction import WHOLE_PAGE, Box
from rag.model.search import Hit, PageKey, Scope
from rag.search.fusion import WEIGHTS
from rag.search.ranking import MAX_REGIONS, Ranking

_COVERED = 0.8
"""A region is left out if at least this share of it lies inside another region."""

_BESIDE_TEXT = ("messages", "file-names")
"""Lanes that find a file by a text beside it, and so no place on a page: another lane's is shown if there is one."""

_AS_A_WHOLE = "page-images"
"""The lane that finds pages as a whole: the text or figure of another lane is shown if there is one."""


def build_hits(
    connection: Connection, data: Path, rankings: Sequence[Ranking], pages: Sequence[PageKey], scope: Scope, k: int
) -> list[Hit]:
    """Return the pages as hits, each with the chunk of the lane on texts or pictures that contributed most to its rank.

    A page that is shown as a whole has the region in which its image matches, if that is known. Pages that were deleted
    or unshared meanwhile are left out. `k` is that of reciprocal rank fusion.
    """
    ranks = {r.lane: {page: rank for rank, page in enumerate(r.pages, 1)} for r in rankings}
    chosen: dict[PageKey, list[int]] = {}
    for page in pages:
        finders = [r for r in rankings if page in ranks[r.lane]]
        finders.sort(
            key=lambda r: (r.lane in _BESIDE_TEXT, r.lane == _AS_A_WHOLE, -WEIGHTS[r.lane] / (k + ranks[r.lane][page]))
        )
        chosen[page] = list(dict.fromkeys(chunk for r in finders for chunk in r.chunks[page]))[:MAX_REGIONS]
    rows = chunks_by_id(connection, [chunk for chunks in chosen.values() for chunk in chunks])
    captions = captions_of(connection, rows)
    matched = [share for r in rankings for share in r.shares.values()]
    seen = {page: region for r in rankings for page, region in r.regions.items()}
    shares = shares_shown(connection, [page[0] for page in pages], scope, matched)
    hits: list[Hit] = []
    for page in pages:
        found = [rows[chunk] for chunk in chosen[page] if chunk in rows]
        if not found or page[0] not in shares:
            continue
        row = found[0]
        folder = data / "pictures" / str(row.extraction)
        shown = shares[row.document]
        boxes = [row.box for row in found]
        if row.box == WHOLE_PAGE and page in seen:  # no text or figure was found there
            boxes = [seen[page], *boxes[1:]]
        hits.append(
            Hit(
                rank=len(hits) + 1,
                chunk=row.id,
                document=row.document,
                name=shown.name,
                link=shown.link,
                page=row.page,
                label=row.label,
                kind=row.kind,
                text=row.text,
                heading=row.heading,
                caption=row.caption,
                box=boxes[0],
                line_boxes=row.line_boxes,
                picture=folder / row.picture if row.picture else None,
                page_image=folder / row.page_image if row.page_image else None,
                lanes={lane: ranks[lane][page] for lane in ranks if page in ranks[lane]},
                regions=_select_regions(boxes),
                generated_caption=captions.get(row.id, ("", ""))[0],
                caption_model=captions.get(row.id, ("", ""))[1],
                posted=(shown.posted,),
                attachment=shown.attachment,
            )
        )
    return hits


def _select_regions(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Return the first box and further ones that do not overlap it, without the whole page as a further one."""
    kept = [boxes[0]]
    for box in boxes[1:]:
        if box != WHOLE_PAGE and all(box.intersection(other) < _COVERED * box.area for other in kept):
            kept.append(box)
    return tuple(kept[:MAX_REGIONS])


def merge_duplicates(hits: Sequence[Hit], kept: Mapping[PageKey, Sequence[PageKey]]) -> list[Hit]:
    """Return one hit for each kept page, ranked from 1, with the places of its near-duplicates.

    If the kept page was deleted meanwhile, its first near-duplicate takes its place.
    """
    by_page = {(hit.document, hit.page): hit for hit in hits}
    merged: list[Hit] = []
    for first, others in kept.items():
        same = [by_page[page] for page in (first, *others) if page in by_page]
        if same:
            also = tuple(dict.fromkeys(hit.place for hit in same[1:]))
            merged.append(replace(same[0], rank=len(merged) + 1, also=also))
    return merged


def name_newer_versions(hits: Sequence[Hit], newer: Mapping[PageKey, PageKey]) -> list[Hit]:
    """Return the hits, each page of an older version with the place of the newest one, if that is a hit, too."""
    places = {(hit.document, hit.page): hit.place for hit in hits}
    return [replace(hit, newer=places.get(newer.get((hit.document, hit.page), (0, 0)), "")) for hit in hits]
