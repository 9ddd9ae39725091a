"""Of the pages that carry next to no text, how many have words once they were read.

    python -m tests.bench.scans PDFS DATA

PDFS is a folder of PDFs that DATA, a data folder, has indexed. Asked are PyMuPDF's text layer on one side and the
words stored for the page on the other. Pages without words are named: look at them, most are blank.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pymupdf
from sqlalchemy import select

from rag.catalog import Catalog
from rag.catalog.tables import chunk, document, share, source

FEW = 20
"""Letters of a text layer below which a page counts as having none."""


def bare_pages(folder: Path) -> list[tuple[str, int]]:
    """Name and number of every page whose text layer has fewer than FEW letters."""
    found = []
    for path in sorted(folder.glob("*.pdf")):
        with pymupdf.open(path) as opened:
            found += [(path.name, each.number + 1) for each in opened if len("".join(each.get_text().split())) < FEW]
    return found


def worded_pages(catalog: Catalog) -> set[tuple[str, int]]:
    """Name and number of every page that some stored chunk has words of."""
    pages = (
        select(share.c.name, chunk.c.page)
        .join(source, source.c.id == share.c.source_id)
        .join(document, document.c.id == source.c.document_id)
        .join(chunk, chunk.c.extraction_id == document.c.extraction_id)
        .where(chunk.c.text != "")
        .distinct()
    )
    with catalog.read_transaction() as connection:
        return {(row.name, row.page) for row in connection.execute(pages)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Scanned pages that have words once they were read.")
    parser.add_argument("pdfs", type=Path)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    bare = bare_pages(given.pdfs)
    catalog = Catalog(given.data)
    try:
        worded = worded_pages(catalog)
    finally:
        catalog.close()
    without = [each for each in bare if each not in worded]
    for name, number in without:
        sys.stdout.write(f"without words: {name}, p. {number}\n")
    have = len(bare) - len(without)
    share_of = have / len(bare) if bare else 1.0
    sys.stdout.write(f"{len(bare)} pages with fewer than {FEW} letters; {have} have words: {share_of:.1%}\n")


if __name__ == "__main__":
    main()
