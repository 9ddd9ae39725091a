"""Libraries report nothing about their use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imported(home: Path, modules: str) -> list[Path]:
    """Import modules in a new process, and return the files that this leaves in its home folder."""
    home.mkdir()
    kept = {
        name: value for name, value in os.environ.items() if name not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    environment = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", f"import {modules}"], env=environment, check=True)
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("first", ["rag.extract.child", "bot.cli.main"])
def test_onnx_runtime_keeps_no_device_id_and_no_events_to_send(tmp_path: Path, first: str) -> None:
    assert not imported(tmp_path / "home", f"{first}, onnxruntime")
