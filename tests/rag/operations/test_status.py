"""The status of an index that is written again; what else it says is tested with what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from rag import Rag, Settings
from rag.catalog.index_filling import fill_batch
from rag.model.operations import IndexRenewal
from tests.rag.catalog.indexed_texts import catalog_of
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    """A data folder whose full-text index an older analysis wrote, and of which one text is written again."""
    catalog = catalog_of(tmp_path, {"ops": "The gateways listen.", "lab": "The sensor is wet."})
    with closing(catalog), catalog.write_transaction() as connection:
        connection.execute(text("UPDATE index_version SET analysis = 'older'"))
        fill_batch(connection, 1)
    with open_rag(Settings(data=tmp_path, answer={"model": ""}), extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        yield rag


def test_tells_how_far_the_full_text_index_is_written_again(rag: Rag, tmp_path: Path) -> None:
    assert rag.status().full_text == IndexRenewal(waiting=3, total=4)  # chunks and messages
    check = next(check for check in rag.doctor() if check.name == "full-text index")
    assert (check.status, check.detail) == ("warn", "written again by a newer version: 3 of 4 texts wait")
    assert "magpie index" in check.fix
    note = tmp_path / "note.txt"
    note.write_text("A note.")
    rag.index([note])
    assert rag.status().full_text is None
    assert "full-text index" not in [check.name for check in rag.doctor()]
