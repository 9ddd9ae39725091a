"""`Rag.retry` takes up what failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from rag import NotFound, OriginUnavailable, Scope, Settings, Unreadable
from rag.catalog.tables import source
from tests.flows.team import until
from tests.rag.ingest.test_claims import serving, standing
from tests.rag.ingest.test_outages import Origin, opened, put
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


@pytest.mark.timeout(60)
def test_extracts_files_again_that_could_not_be_read(tmp_path: Path) -> None:
    for name, text in (("quay.txt", "!unreadable"), ("pier.txt", "!unreadable"), ("mole.txt", "words of the mole")):
        (tmp_path / name).write_text(text)
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, read={"workers": 1})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder()) as rag:
        states = {outcome.file: outcome.state for outcome in rag.index([tmp_path])}
        assert states["quay.txt"] == states["pier.txt"] == "failed"
        assert [outcome.state for outcome in rag.retry(["quay.txt"])] == ["failed"]
        assert {outcome.file for outcome in rag.retry()} == {"quay.txt", "pier.txt"}
        assert rag.retry(["mole.txt"]) == []
        with pytest.raises(NotFound):
            rag.retry(["unknown.txt"])
        assert rag.find("mole", Scope.operator()).hits


@pytest.mark.timeout(60)
def test_fetches_files_again_that_could_not_be_fetched(tmp_path: Path) -> None:
    origin = Origin(Unreadable("It is too large."))
    with opened(tmp_path, origin) as rag, serving(rag):
        put(rag, "F1", "F2")
        until(lambda: {standing(rag, ref).state for ref in ("F1", "F2")} == {"failed"})
        origin.error = None
        assert [(outcome.file, outcome.state) for outcome in rag.retry(["F1"])] == [("F1", "waiting")]
        until(lambda: standing(rag, "F1").state == "ready")
        assert standing(rag, "F2").state == "failed"
        assert [outcome.file for outcome in rag.retry()] == ["F2"]
        until(lambda: standing(rag, "F2").state == "ready")


@pytest.mark.timeout(60)
def test_ends_the_pauses_of_an_outage(tmp_path: Path) -> None:
    origin = Origin(OriginUnavailable("Slack is busy."))
    with opened(tmp_path, origin) as rag, serving(rag):
        put(rag, "F1")
        until(lambda: len(origin.failed) >= 2)
        with rag.write_transaction() as connection:
            connection.execute(update(source).values(retry_at=1e12))
        origin.error = None
        assert rag.retry() == []
        until(lambda: standing(rag, "F1").state == "ready")
