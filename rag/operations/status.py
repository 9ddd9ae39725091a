"""Collect the data of `magpie status`: what is stored, queued and failed, and which lanes are on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rag.catalog import Catalog, documents, extractions, outages, shares, statuses
from rag.catalog.index_filling import read_renewal
from rag.ingest.captions import Captions
from rag.ingest.disk_space import DiskSpace
from rag.model.operations import Status
from rag.vectors.all_indexes import VectorIndexes
from rag.vectors.fingerprinting import Fingerprinting


def read_status(
    catalog: Catalog,
    indexes: VectorIndexes,
    fingerprinting: Fingerprinting,
    captions: Captions,
    space: DiskSpace,
    lanes: Mapping[str, str],
) -> Status:
    """Return the state of the data folder. `lanes` are the lanes of the search, each `on` or `off: why`."""
    with catalog.read_transaction() as connection:
        rows = statuses.list_statuses(connection)
        pages, chunks = documents.count_pages_and_chunks(connection)
        renewed = len(extractions.list_outdated(connection))
        refused = shares.count_refused(connection)
        full_text = read_renewal(connection)
        down = tuple(outages.list_outages(connection))
    failed = tuple((row.name, f"{row.reason} {row.hint}".strip()) for row in rows if row.state == "failed")
    notes = tuple((row.name, row.notes) for row in rows if row.state != "failed" and row.notes)
    without_fingerprint, without_caption = fingerprinting.count_waiting(), captions.count_waiting()
    states = {str(state): count for state, count in Counter(row.state for row in rows).items()}
    return Status(
        states,
        pages,
        chunks,
        indexes.count_waiting(),
        failed,
        dict(lanes),
        renewed,
        without_fingerprint,
        without_caption,
        notes,
        down,
        " ".join(space.shortage() or ()),
        refused,
        indexes.text.describe(),
        full_text,
        tuple(row.unread for row in rows if row.searchable),
    )
