"""Pictures that Magpie posted go with their document, and outlast a short absence of Magpie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time

import pytest

from bot.db import evidence, tables
from bot.inbox.recording import leave
from rag import Rag, Scope, leave_space
from tests.flows.team import settings
from tests.support.extractor import TextExtractor
from tests.support.migrated import migrated, open_rag

DAY = 24 * 3600.0


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    reader = TextExtractor()
    with open_rag(
        settings(migrated(tmp_path / "data", tables.HISTORY)), extractor=lambda: reader, histories=[tables.HISTORY]
    ) as rag:
        yield rag


@pytest.fixture
def file(tmp_path: Path, rag: Rag) -> Path:
    """Return a file that is shared in C1, with a picture of it in Slack."""
    file = tmp_path / "handbook.txt"
    file.write_text("The gateway listens on port 8443.")
    rag.index([file], "C1")
    [row] = rag.documents(Scope.of("C1"))
    with rag.write_transaction() as connection:
        evidence.put_evidence(connection, "C1", {"FPICTURE": row.id})
    return file


def stale(rag: Rag, left_before: float | None = None) -> list[str]:
    with rag.read_transaction() as connection:
        return evidence.stale_evidence(connection, 10, time() - 7 * DAY if left_before is None else left_before)


def test_picture_is_stale_once_its_document_is_not_shared(rag: Rag, file: Path) -> None:
    assert stale(rag) == []
    with rag.write_transaction() as connection:
        leave_space(connection, "path", "C1")
    assert stale(rag) == ["FPICTURE"]


def test_picture_stays_for_a_week_after_magpie_left(rag: Rag, file: Path) -> None:
    with rag.write_transaction() as connection:
        leave(connection, "C1")
        leave_space(connection, "path", "C1")
    assert stale(rag) == []
    assert stale(rag, time() + 1) == ["FPICTURE"]


def test_document_that_returns_keeps_its_picture_although_it_has_another_id(rag: Rag, file: Path) -> None:
    with rag.write_transaction() as connection:
        leave(connection, "C1")
        leave_space(connection, "path", "C1")
    [before] = rag.index([file], "C2")
    assert before.state in ("new", "known")
    with rag.write_transaction() as connection:
        evidence.join_channel(connection, "C1")
    assert stale(rag) == []
    with rag.write_transaction() as connection:
        leave_space(connection, "path", "C2")
    assert stale(rag) == ["FPICTURE"]
