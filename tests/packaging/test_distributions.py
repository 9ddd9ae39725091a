"""The source distribution and the wheel hold the product, its data files and its license, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.manifest import MANIFEST
from tests.docs.markdown import ROOT

PACKAGES = ("bot", "rag")
NOT_SHIPPED = {".png"}
"""Images of README and docs, which are beside the drawings of the demo."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def build(source: Path, kind: str, into: Path) -> Path:
    subprocess.run([sys.executable, "-c", BUILD, kind, str(into)], cwd=source, check=True, capture_output=True)
    (found,) = into.iterdir()
    return found


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from a copy of this checkout."""
    source = tmp_path_factory.mktemp("source")
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, source / package, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    return build(source, "build_sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution alone."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    return build(next(unpacked.iterdir()), "build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def product_files() -> Iterator[str]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in NOT_SHIPPED:
                yield path.relative_to(ROOT).as_posix()


def test_wheel_has_every_file_of_the_product_and_its_own_description_only(names: set[str]) -> None:
    assert {name for name in names if ".dist-info/" not in name} == set(product_files())


def test_top_level_names_are_bot_and_rag(wheel: Path, names: set[str]) -> None:
    description = f"magpie-{PROJECT['version']}.dist-info"
    assert {name.partition("/")[0] for name in names} == {*PACKAGES, description}
    assert zipfile.ZipFile(wheel).read(f"{description}/top_level.txt").decode().split() == list(PACKAGES)


def test_wheel_carries_the_license_files(names: set[str]) -> None:
    shipped = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    expected = {path.name for pattern in PROJECT["license-files"] for path in ROOT.glob(pattern)}
    assert shipped == expected
    assert "LICENSE" in shipped


def test_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name == f"magpie-{PROJECT['version']}-py3-none-any.whl"


def test_source_distribution_has_the_constraints_and_no_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {path.name for path in ROOT.glob("constraints*.txt")} <= names
    assert [name for name in names if name.startswith("tests")] == []


def test_manifest_of_the_repository_is_printed_by_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    for arguments, source in (([], "manifest.yml"), (["--agent"], "bot/manifest.agent.yml")):
        done = subprocess.run(
            [sys.executable, "-m", "bot.cli.main", "manifest", *arguments],
            env={"PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == (ROOT / source).read_text(encoding="utf-8")
    assert MANIFEST.resolve() == ROOT / "manifest.yml"
