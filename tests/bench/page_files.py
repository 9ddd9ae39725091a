"""Pages with images and without vectors, as extraction leaves them."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from rag.catalog import Catalog, documents, extractions, sources
from rag.catalog.fulltext import Fts5Index
from rag.catalog.shares import Share, record_share
from rag.model.extraction import WHOLE_PAGE, ExtractedPage, Inspection, Kind, NewChunk, TextSource

_SIZE = (1131, 1600)
"""Pixels of a stored page."""


def draw_page(seed: int) -> bytes:
    """Return a JPEG of a page of lines."""
    rng = random.Random(seed)
    picture = Image.new("RGB", _SIZE, "white")
    pen = ImageDraw.Draw(picture)
    for top in range(80, _SIZE[1] - 80, 22):
        pen.text((80, top), "".join(rng.choices("abcdefghij kl mnopq rstu", k=130)), fill="black")
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return written.getvalue()


def put_pages(catalog: Catalog, data: Path, number: int, count: int, pictures: Sequence[bytes]) -> None:
    """Add a document of `count` pages that is extracted and has no vectors yet."""
    title, words = f"bench-{number}", Fts5Index()
    with catalog.write_transaction() as connection:
        record_share(connection, Share("path", f"/{title}", "local", title, size=1, changed_ns=1))
        claimed = sources.claim_source(connection, ["path"])
        assert claimed is not None
        document = documents.put_document(connection, hashlib.sha256(title.encode()).hexdigest(), 1, "bench")
        sources.finish_source(connection, claimed, document, mtime_ns=1, size=1)
        row = extractions.claim_extraction(connection)
        assert row is not None
        folder = data / "pictures" / str(row.id)
        folder.mkdir(parents=True)
        chunks = []
        for page in range(1, count + 1):
            (folder / f"p{page:04d}.jpg").write_bytes(pictures[page % len(pictures)])
            chunks.append(NewChunk(page, Kind.PAGE, "", "", "", WHOLE_PAGE, (), f"p{page:04d}.jpg"))
        pages = [ExtractedPage(page, None, 595, 842, TextSource.LAYER, (), None) for page in range(1, count + 1)]
        extractions.begin_pages(connection, row, Inspection("application/pdf", count, None))
        extractions.put_pages(connection, words, row, title, pages, chunks)
        extractions.complete_extraction(connection, words, row)
