"""Read and write the fingerprints of page images, and list the pages without one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, exists, func, select

from rag.catalog.any_of import are_any_of
from rag.catalog.dialects import upsert
from rag.catalog.scope import documents_in, shape_of, values_of
from rag.catalog.tables import chunk, document, fingerprint, fingerprint_keys, page
from rag.model.extraction import Box
from rag.model.search import PageKey, Scope

_SIGN = 1 << 63

_PAGES_AT_ONCE = 5_000
"""Pages whose keys are read at once: 9 MB."""


@dataclass(frozen=True, slots=True)
class Unfingerprinted:
    """A page without a fingerprint of this method. `page_image` is the path of its image below the data folder."""

    extraction: int
    number: int
    page_image: str


@dataclass(frozen=True, slots=True)
class NewFingerprint:
    """A fingerprint to write. `phash` is an unsigned number of 64 bits. `keys`: those of its strongest points."""

    extraction: int
    number: int
    phash: int
    points: bytes
    keys: bytes


@dataclass(frozen=True, slots=True)
class StoredFingerprint:
    """The keypoints of a page in scope. `is_picture`: its document is a single picture."""

    document: int
    number: int
    page_image: str
    points: bytes
    is_picture: bool


def _waiting(method: int) -> ColumnElement[bool]:
    made = exists().where(
        fingerprint.c.extraction_id == page.c.extraction_id,
        fingerprint.c.number == page.c.number,
        fingerprint.c.method >= method,
    )
    return and_(page.c.image.is_not(None), ~made)


def list_pages_without_fingerprint(connection: Connection, method: int, limit: int) -> list[Unfingerprinted]:
    """Return the oldest pages whose image has no fingerprint of this method or a newer one."""
    rows = select(page.c.extraction_id, page.c.number, page.c.image).where(_waiting(method))
    rows = rows.order_by(page.c.extraction_id, page.c.number).limit(limit)
    return [
        Unfingerprinted(row.extraction_id, row.number, f"pictures/{row.extraction_id}/{row.image}")
        for row in connection.execute(rows)
    ]


def count_pages_without_fingerprint(connection: Connection, method: int) -> int:
    """Return how many pages wait for a fingerprint of this method."""
    return connection.scalar(select(func.count()).select_from(page).where(_waiting(method))) or 0


def put_fingerprints(connection: Connection, method: int, rows: Sequence[NewFingerprint]) -> None:
    """Write fingerprints of the pages that still exist, instead of those of an older method."""
    keys = [(new.extraction, new.number) for new in rows]
    place = (page.c.extraction_id, page.c.number)
    alive = {tuple(row) for row in connection.execute(select(*place).where(are_any_of(place, keys)))}
    for new in rows:
        if (new.extraction, new.number) in alive:
            signed = new.phash - 2 * _SIGN if new.phash >= _SIGN else new.phash
            _put(connection, fingerprint, new, {"method": method, "phash": signed, "keypoints": new.points})
            _put(connection, fingerprint_keys, new, {"method": method, "coded": new.keys})


def _put(connection: Connection, table: Table, new: NewFingerprint, values: dict[str, Any]) -> None:
    row = upsert(table).values(extraction_id=new.extraction, number=new.number, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["extraction_id", "number"], set_=values))


def hashes(connection: Connection, scope: Scope, method: int, limit: int) -> list[tuple[PageKey, int]]:
    """Return (page, perceptual hash) of a scope's pages, the newest documents first."""
    rows = _in(select(document.c.id, fingerprint.c.number, fingerprint.c.phash), scope, method)
    rows = rows.order_by(document.c.id.desc(), fingerprint.c.number).limit(limit)
    return [((row.id, row.number), row.phash % (2 * _SIGN)) for row in connection.execute(rows, values_of(scope))]


def count_fingerprints(connection: Connection, scope: Scope, method: int) -> int:
    """Return how many pages of a scope have a fingerprint."""
    rows = _keys_in(select(fingerprint_keys.c.number), scope, method).subquery()
    return connection.scalar(select(func.count()).select_from(rows), values_of(scope)) or 0


def keys_in(connection: Connection, scope: Scope, method: int) -> Iterator[tuple[PageKey, bytes]]:
    """Yield (page, keys) of a scope's pages, in any order."""
    rows = _keys_in(select(document.c.id, fingerprint_keys.c.number, fingerprint_keys.c.coded), scope, method)
    for part in connection.execute(rows, values_of(scope)).partitions(_PAGES_AT_ONCE):
        yield from (((row.id, row.number), row.coded) for row in part)


def points_in(connection: Connection, scope: Scope, method: int) -> Iterator[tuple[PageKey, bytes]]:
    """Yield (page, keypoints) of a scope's pages that have some, in any order."""
    rows = _in(select(document.c.id, fingerprint.c.number, fingerprint.c.keypoints), scope, method)
    for row in connection.execute(rows.where(func.length(fingerprint.c.keypoints) > 0), values_of(scope)):
        yield (row.id, row.number), row.keypoints


def points_of(connection: Connection, pages: Sequence[PageKey], scope: Scope, method: int) -> list[StoredFingerprint]:
    """Return the fingerprints of the given pages that are in scope and have one, in the order given."""
    rows = _in(
        select(
            document.c.id,
            document.c.media_type,
            fingerprint.c.extraction_id,
            fingerprint.c.number,
            fingerprint.c.keypoints,
            page.c.image,
        ),
        scope,
        method,
    )
    rows = rows.where(are_any_of((document.c.id, fingerprint.c.number), pages), page.c.image.is_not(None))
    found = {(row.id, row.number): _stored(row, row.keypoints) for row in connection.execute(rows, values_of(scope))}
    return [found[place] for place in pages if place in found]


def pages_waiting_in(connection: Connection, scope: Scope, method: int, limit: int) -> list[StoredFingerprint]:
    """Return searchable pages of a scope that have no fingerprint yet, without points, the newest documents first."""
    rows = (
        select(document.c.id, document.c.media_type, page.c.extraction_id, page.c.number, page.c.image)
        .join_from(page, document, document.c.extraction_id == page.c.extraction_id)
        .where(_waiting(method), document.c.id.in_(documents_in(shape_of(scope))))
        .order_by(document.c.id.desc(), page.c.number)
        .limit(limit)
    )
    return [_stored(row, b"") for row in connection.execute(rows, values_of(scope))]


def _stored(row: Row[*tuple[Any, ...]], points: bytes) -> StoredFingerprint:
    is_picture = (row.media_type or "").startswith("image/")
    return StoredFingerprint(row.id, row.number, f"pictures/{row.extraction_id}/{row.image}", points, is_picture)


def _in(rows: Select[*tuple[object, ...]], scope: Scope, method: int) -> Select[*tuple[object, ...]]:
    """Return the statement, limited to this method's fingerprints of searchable pages in scope."""
    return (
        rows.join_from(fingerprint, document, document.c.extraction_id == fingerprint.c.extraction_id)
        .join(page, and_(page.c.extraction_id == fingerprint.c.extraction_id, page.c.number == fingerprint.c.number))
        .where(fingerprint.c.method == method, document.c.id.in_(documents_in(shape_of(scope))))
    )


def _keys_in(rows: Select[*tuple[object, ...]], scope: Scope, method: int) -> Select[*tuple[object, ...]]:
    """Return the statement, limited to this method's keys of searchable pages in scope."""
    return rows.join_from(
        fingerprint_keys, document, document.c.extraction_id == fingerprint_keys.c.extraction_id
    ).where(fingerprint_keys.c.method == method, document.c.id.in_(documents_in(shape_of(scope))))


def chunks_on(connection: Connection, pages: Sequence[PageKey]) -> Mapping[PageKey, list[tuple[int, Box]]]:
    """Return {page: [(chunk, box), ...]} for the chunks on these pages."""
    rows = (
        select(chunk.c.id, chunk.c.document_id, chunk.c.page, chunk.c.box)
        .join(document, document.c.extraction_id == chunk.c.extraction_id)
        .where(are_any_of((chunk.c.document_id, chunk.c.page), pages))
        .order_by(chunk.c.id)
    )
    found: dict[PageKey, list[tuple[int, Box]]] = {}
    for row in connection.execute(rows):
        found.setdefault((row.document_id, row.page), []).append((row.id, Box(*json.loads(row.box))))
    return found
