"""New files wait while the disk is full, and nothing stored is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rag import OperatorMustAct, Rag, Scope, Settings
from rag.ingest.disk_space import DiskSpace
from tests.rag.ingest.test_claims import serving
from tests.rag.ingest.test_outages import Origin, is_ready, put
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag


def opened(folder: Path, **keep: float) -> Rag:
    settings = Settings(data=folder / "data", answer={"model": ""}, read={"workers": 1}, keep=keep)
    fetchers = {"slack": Origin()}
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), open_fetchers=lambda _: fetchers)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("limit", [{"max_gb": 1e-9}, {"min_free_gb": 1e9}])
def test_new_files_wait_for_room_and_stored_ones_stay(tmp_path: Path, limit: dict[str, float]) -> None:
    (tmp_path / "quay.txt").write_text("words of the quay")
    (tmp_path / "pier.txt").write_text("words of the pier")
    with opened(tmp_path) as rag:
        rag.index([tmp_path / "quay.txt"])
    with opened(tmp_path, **limit) as rag:
        with pytest.raises(OperatorMustAct, match="New files wait") as raised:
            rag.index([tmp_path / "pier.txt"])
        assert rag.status().disk == f"{raised.value} {raised.value.hint}"
        assert rag.intake_problems() == [str(raised.value)]
        disk = next(check for check in rag.doctor() if check.name == "disk")
        assert (disk.status, disk.detail) == ("fail", str(raised.value))
        assert rag.status().documents == {"ready": 1, "waiting": 1}
        assert rag.find("quay", Scope.operator()).hits
    with opened(tmp_path) as rag:
        rag.index([])
        assert rag.find("pier", Scope.operator()).hits
        assert (rag.status().disk, rag.intake_problems()) == ("", [])


@pytest.mark.timeout(60)
def test_bot_reads_on_after_room_was_made(tmp_path: Path) -> None:
    least = shutil.disk_usage(tmp_path).free / 1e9 + 1000
    with opened(tmp_path, min_free_gb=least) as rag:
        with serving(rag):
            put(rag, "F1")
        assert not is_ready(rag, "F1")
    with opened(tmp_path) as rag:
        rag.index([])
        assert is_ready(rag, "F1")


def test_measures_files_and_pictures_below_their_folders(tmp_path: Path) -> None:
    for name in ("files/a", "pictures/1/b", "evidence/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"0" * 1000)
    keep = Settings(data=tmp_path, keep={"max_gb": 3e-6, "min_free_gb": 0}).keep
    assert DiskSpace(tmp_path, keep).shortage() is None
    (tmp_path / "pictures/1/d").write_bytes(b"0" * 1000)
    reason, remedy = DiskSpace(tmp_path, keep).shortage() or ("", "")
    assert "the limit is 3e-06 GB" in reason
    assert "MAGPIE_KEEP__MAX_GB" in remedy
