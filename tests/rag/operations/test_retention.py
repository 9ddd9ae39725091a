"""What is stored is listed while other processes delete it."""

from __future__ import annotations

import shutil
import threading
from contextlib import closing
from pathlib import Path

from rag import Settings
from rag.catalog import Catalog
from rag.operations.retention import list_stored_data

FOLDERS = 40


def test_folders_that_are_deleted_meanwhile_are_left_out(tmp_path: Path) -> None:
    stop, evidence = threading.Event(), tmp_path / "evidence"

    def come_and_go() -> None:
        while not stop.is_set():
            for number in range(FOLDERS):
                (evidence / str(number) / "within").mkdir(parents=True, exist_ok=True)
            for number in range(FOLDERS):
                shutil.rmtree(evidence / str(number))

    other = threading.Thread(target=come_and_go)
    with closing(Catalog(tmp_path)) as catalog:
        other.start()
        try:
            for _ in range(100):
                found = {one.name: one.count for one in list_stored_data(Settings(data=tmp_path), catalog)}
                assert found["evidence pictures"] == 0
        finally:
            stop.set()
            other.join()
