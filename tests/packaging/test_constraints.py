"""The constraints files name every package that an installation needs, and no other, on every supported system."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.packaging import constraints
from tests.packaging.constraints import CUDA12, FULL, LIGHT, TORCH, UNUSED, Pin, applies, environments, read_pins

every_file = pytest.mark.parametrize("path", [FULL, LIGHT, CUDA12], ids=lambda path: path.name)
every_system = pytest.mark.parametrize(
    "environment", list(environments()), ids=lambda e: f"{e['platform_machine']}-{e['python_version']}"
)


def test_files_are_up_to_date() -> None:
    """If not: python -m tests.packaging.constraints"""
    assert [path.name for path, text in constraints.files().items() if path.read_text(encoding="utf-8") != text] == []


def installed_by(path: Path, environment: Mapping[str, str]) -> set[str]:
    return {pin.name for pin in read_pins(path) if applies(pin.requirement.marker, environment)}


@every_system
def test_full_set_is_what_the_project_requires(environment: Mapping[str, str]) -> None:
    assert installed_by(FULL, environment) == constraints.full_names(environment) - {"pip"}


@every_system
def test_light_set_is_what_the_project_requires_without_torch(environment: Mapping[str, str]) -> None:
    assert installed_by(LIGHT, environment) == constraints.light_names(environment)


def test_gpu_libraries_are_for_linux_only() -> None:
    mac = next(each for each in environments() if each["sys_platform"] == "darwin")
    assert [name for name in installed_by(FULL, mac) if re.match(r"nvidia|cuda|triton", name)] == []


def test_light_set_has_no_torch() -> None:
    names = {pin.name for pin in read_pins(LIGHT)}
    assert names.isdisjoint(TORCH | UNUSED | {"transformers", "triton", "sympy"})
    assert [name for name in names if name.startswith(("nvidia", "cuda"))] == []


def test_set_for_cuda_12_differs_in_torch_and_its_libraries_only() -> None:
    full, older = ({pin.name: str(pin.requirement.specifier) for pin in read_pins(path)} for path in (FULL, CUDA12))
    changed = {name for name in full.keys() | older.keys() if full.get(name) != older.get(name)}
    assert {name for name in changed if not re.match(r"torch|triton|nvidia|cuda", name)} == set()
    assert older["torch"].startswith("==2.7.")
    assert {"nvidia-cublas-cu12", "nvidia-cudnn-cu12", "nvidia-cuda-runtime-cu12"} <= older.keys()
    assert [name for name in older if name.endswith("-cu13")] == []


@every_file
def test_every_package_is_pinned_with_hashes(path: Path) -> None:
    def is_pinned(pin: Pin) -> bool:
        exact = re.fullmatch(r"==[\w.+]+", str(pin.requirement.specifier)) is not None
        return exact and bool(pin.hashes) and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", x) for x in pin.hashes)

    assert [pin.name for pin in read_pins(path) if not is_pinned(pin)] == []


@every_file
def test_no_package_index_is_named(path: Path) -> None:
    assert re.findall(r"https?://|--index|--extra-index|--find-links", path.read_text(encoding="utf-8")) == []
