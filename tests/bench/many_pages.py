"""Add made-up pages to a catalog, by exchanging the keypoints of its pages, to measure screenshots among many."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, insert, select

from rag.catalog import Catalog
from rag.catalog.fingerprints import NewFingerprint, put_fingerprints
from rag.catalog.tables import document, extraction, fingerprint, page, share, source
from rag.vectors.fingerprints import KEY_POINTS, METHOD, POINT, Points, keys_of


@dataclass(frozen=True, slots=True)
class _Pages:
    """The stored pages: their rows by extraction, their keypoints by page, and the signatures of all keypoints."""

    rows: dict[int, list[Row[Any]]]
    points: dict[tuple[int, int], Points]
    signatures: NDArray[np.uint8]


def copy_data(data: Path, into: Path) -> Path:
    """Copy the catalog of a data folder, with links to its pictures and files."""
    (into / "pictures").mkdir(parents=True)
    for picture in (data / "pictures").iterdir():
        os.symlink(picture.resolve(), into / "pictures" / picture.name)
    os.symlink((data / "files").resolve(), into / "files")
    with closing(sqlite3.connect(data / "catalog.db")) as old, closing(sqlite3.connect(into / "catalog.db")) as new:
        old.backup(new)
    return into


def add_pages(data: Path, count: int, seed: int, watch: Callable[[str], None]) -> None:
    """Copy the documents of a data folder until it has `count` pages with fingerprints.

    Each keypoint of a copy has the signature of a random one of all pages, so that keys are as frequent as in a real
    corpus of that size. The pictures of a copy are those of its original.
    """
    catalog, rng = Catalog(data), np.random.default_rng(seed)
    with catalog.read_transaction() as connection:
        originals = connection.execute(select(document).where(document.c.extraction_id.is_not(None))).all()
        stored = _read(connection)
    total, copy = len(stored.points), 0
    while total < count:
        copy += 1
        for row in originals:
            if total >= count:
                break
            with catalog.write_transaction() as connection:
                total += _copy(connection, row, copy, stored, data, rng)
        watch(f"{total} of {count} pages")
    catalog.close()


def _read(connection: Connection) -> _Pages:
    rows: dict[int, list[Row[Any]]] = {}
    for row in connection.execute(select(page).where(page.c.image.is_not(None))):
        rows.setdefault(row.extraction_id, []).append(row)
    points = {
        (row.extraction_id, row.number): np.frombuffer(row.keypoints, POINT)
        for row in connection.execute(select(fingerprint))
    }
    return _Pages(rows, points, np.concatenate([found["bits"] for found in points.values()]))


def _copy(
    connection: Connection, original: Row[Any], copy: int, stored: _Pages, data: Path, rng: np.random.Generator
) -> int:
    """Copy one document, and return how many pages it has."""
    name = f"copy-{copy}-{original.id}"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    made = connection.execute(insert(document).values(sha256=sha256, size=1, media_type=original.media_type))
    [id] = made.inserted_primary_key or [0]
    pages = stored.rows.get(original.extraction_id, [])
    read = {"document_id": id, "extractor": "made", "state": "complete", "pages": len(pages), "pages_done": len(pages)}
    [extracted] = connection.execute(insert(extraction).values(read)).inserted_primary_key or [0]
    connection.execute(document.update().where(document.c.id == id).values(extraction_id=extracted))
    known = {"kind": "path", "ref": f"/made/{name}", "state": "known", "document_id": id}
    [shared] = connection.execute(insert(source).values(known)).inserted_primary_key or [0]
    connection.execute(insert(share).values(source_id=shared, space="S1", name=name, shared_at=1.0, state_at=1.0))
    if not pages:
        return 0
    connection.execute(insert(page), [{**row._asdict(), "extraction_id": extracted} for row in pages])
    os.symlink((data / "pictures" / str(original.extraction_id)).resolve(), data / "pictures" / str(extracted))
    new = [_exchanged(extracted, row.number, stored, original.extraction_id, rng) for row in pages]
    put_fingerprints(connection, METHOD, new)
    return len(pages)


def _exchanged(extracted: int, number: int, stored: _Pages, original: int, rng: np.random.Generator) -> NewFingerprint:
    points = stored.points.get((original, number), np.zeros(0, POINT)).copy()
    points["bits"] = stored.signatures[rng.integers(0, len(stored.signatures), len(points))]
    keys = keys_of(points[:KEY_POINTS]).tobytes()
    return NewFingerprint(extracted, number, int(rng.integers(0, 1 << 62)), points.tobytes(), keys)
