"""What the doctor says of NVIDIA cards. A program named nvidia-smi on the search path answers as NVIDIA's does."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from rag import Settings
from rag.model.operations import Check
from rag.operations.gpu import CUDA_12, CUDA_13, Cuda, check_cards
from tests.support.migrated import open_rag


def install_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int = 0) -> None:
    """Put a nvidia-smi on the path that checks the query and prints `says`."""
    program = folder / "nvidia-smi"
    query = '[ "$*" = "--query-gpu=name,driver_version,compute_cap --format=csv,noheader" ] || exit 99'
    program.write_text(f"#!/bin/sh\n{query}\ncat <<'END'\n{says}\nEND\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def check_of(cuda: Cuda | None) -> Check:
    (check,) = check_cards(cuda)
    return check


@pytest.mark.parametrize(
    ("says", "cuda"),
    [
        ("NVIDIA H200, 580.95.05, 9.0", CUDA_13),
        ("NVIDIA GeForce RTX 5090, 595.10, 12.0", CUDA_13),
        ("Tesla T4, 580.65.06, 7.5", CUDA_13),
        ("NVIDIA GeForce GTX 1080 Ti, 535.183.01, 6.1", CUDA_12),
        ("NVIDIA H100 PCIe, 550.54.15, 9.0", CUDA_12),
    ],
)
def test_card_and_driver_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, cuda: Cuda) -> None:
    install_smi(tmp_path, monkeypatch, says)
    name, driver, capability = says.split(", ")
    assert check_of(cuda) == Check(
        "gpu", "ok", f"{name}, driver {driver}, capability {capability}: fits {cuda.release}"
    )


@pytest.mark.parametrize(
    ("says", "cuda", "needs", "fix"),
    [
        ("Tesla V100, 580.65.06, 7.0", CUDA_13, "capability 7.5 or higher", "make install-cuda12"),
        (
            "Tesla P4, 470.57.02, 6.1",
            CUDA_13,
            "capability 7.5 or higher",
            "version 525 or later, then: make install-cud",
        ),
        ("Tesla K80, 470.57.02, 3.7", CUDA_13, "capability 7.5 or higher", "MAGPIE_EMBED__DEVICE=cpu"),
        (
            "NVIDIA A10, 535.183.01, 8.6",
            CUDA_13,
            "driver 580 or later",
            "580 or later, or: make install-cuda12",
        ),
        ("NVIDIA A10, 470.57.02, 8.6", CUDA_13, "driver 580 or later", "version 580 or later."),
        ("NVIDIA B200, 570.10, 10.0", CUDA_13, "driver 580 or later", "version 580 or later."),
        ("NVIDIA B200, 580.10, 10.0", CUDA_12, "capability 9.0 or lower", "make install"),
        ("Tesla V100, 470.57.02, 7.0", CUDA_12, "driver 525 or later", "version 525 or later."),
    ],
)
def test_card_or_driver_that_does_not_fit_gets_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, cuda: Cuda, needs: str, fix: str
) -> None:
    install_smi(tmp_path, monkeypatch, says)
    check = check_of(cuda)
    assert check.status == "warn"
    assert check.detail.endswith(f"not used, because {cuda.release} needs {needs}")
    assert fix in check.fix


def test_every_card_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_smi(tmp_path, monkeypatch, "Tesla T4, 580.65.06, 7.5\nTesla V100, 580.65.06, 7.0")
    assert [check.status for check in check_cards(CUDA_13)] == ["ok", "warn"]


def test_driver_that_does_not_respond_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    install_smi(tmp_path, monkeypatch, failed, code=9)
    check = check_of(CUDA_13)
    assert (check.status, check.detail) == ("warn", f"not used: nvidia-smi reports: {failed}")
    assert "driver" in check.fix


def test_card_is_not_used_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_smi(tmp_path, monkeypatch, "NVIDIA H200, 580.95.05, 9.0")
    assert check_of(None).detail.endswith("not used, because torch with CUDA is not installed")


def test_machine_without_nvidia_smi_gets_no_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(check_cards(CUDA_13)) == []


def test_doctor_names_card_driver_and_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_smi(tmp_path, monkeypatch, "Tesla V100-SXM2-16GB, 535.183.01, 7.0")
    read = {"office": "off", "ocr": False, "layout": False}
    settings = Settings.model_validate({"data": tmp_path / "data", "read": read, "answer": {"model": ""}})
    with closing(open_rag(settings)) as rag:
        check = next(check for check in rag.doctor() if check.name == "gpu")
    assert check.detail.startswith("Tesla V100-SXM2-16GB, driver 535.183.01, capability 7.0: not used")
    assert "make install-cuda12" in check.fix
