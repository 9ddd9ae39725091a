"""Count how many scanned pages have text after indexing.

    python -m tests.bench.scans PDFS DATA

PDFS is a folder of PDFs that are indexed in the data folder DATA. A page counts as scanned if its text layer, as read
by PyMuPDF, is almost empty. Scanned pages without text in the catalog are listed; most of them are blank.
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
"""A page with fewer characters in its text layer counts as scanned."""


def scanned_pages(folder: Path) -> list[tuple[str, int]]:
    """Return the name and number of the pages whose text layer has fewer than FEW characters."""
    found = []
    for path in sorted(folder.glob("*.pdf")):
        with pymupdf.open(path) as opened:
            found += [(path.name, each.number + 1) for each in opened if len("".join(each.get_text().split())) < FEW]
    return found


def pages_with_text(catalog: Catalog) -> set[tuple[str, int]]:
    """Return the name and number of the pages that have a chunk with text."""
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
    parser = argparse.ArgumentParser(description="Count how many scanned pages have text after indexing.")
    parser.add_argument("pdfs", type=Path)
    parser.add_argument("data", type=Path)
    options = parser.parse_args()
    scanned = scanned_pages(options.pdfs)
    catalog = Catalog(options.data)
    try:
        with_text = pages_with_text(catalog)
    finally:
        catalog.close()
    without_text = [each for each in scanned if each not in with_text]
    for name, number in without_text:
        sys.stdout.write(f"no text: {name}, p. {number}\n")
    recognized = len(scanned) - len(without_text)
    share_of = recognized / len(scanned) if scanned else 1.0
    sys.stdout.write(f"{len(scanned)} pages with fewer than {FEW} characters; {recognized} have text: {share_of:.1%}\n")


if __name__ == "__main__":
    main()
