"""The checks before the installation, and the progress of pip."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from bot.cli import preflight
from bot.cli.preflight import (
    KINDS,
    PipProgress,
    PreflightError,
    check_disk,
    check_python,
    check_system,
    fingerprint,
    has_pip,
    uninstall_installers,
)
from tests.packaging.light import link_files

ROOT = Path(__file__).resolve().parents[3]
FULL, LIGHT = KINDS["full"], KINDS["light"]


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 9), (3, 13, 1)])
def test_supported_pythons_pass(version: tuple[int, ...]) -> None:
    check_python(version, has_venv=True)


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 10, 14), (3, 14, 0), (4, 0, 0)])
def test_unsupported_python_is_refused_with_a_remedy(version: tuple[int, ...]) -> None:
    with pytest.raises(PreflightError, match=r"needs Python 3\.11, 3\.12 or 3\.13") as caught:
        check_python(version, has_venv=True)
    assert "make PYTHON=" in str(caught.value)


def test_missing_venv_package_is_named() -> None:
    with pytest.raises(PreflightError, match="apt install python3-venv"):
        check_python((3, 11, 2), has_venv=False)


def test_required_disk_excludes_what_is_installed(tmp_path: Path) -> None:
    check_disk(9.6, 0, tmp_path, FULL)
    with pytest.raises(PreflightError, match=r"needs 9\.5 GB of free disk"):
        check_disk(9.4, 0, tmp_path, FULL)
    check_disk(4.0, 6.0, tmp_path, FULL)


def test_light_installation_needs_less_disk(tmp_path: Path) -> None:
    check_disk(1.6, 0, tmp_path, LIGHT)
    with pytest.raises(PreflightError, match=r"needs 1\.5 GB of (.|\n)*VENV=/elsewhere/venv install-light"):
        check_disk(1.4, 0, tmp_path, LIGHT)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_linux_with_glibc_is_supported(machine: str) -> None:
    check_system("Linux", machine, "glibc")


def test_macos_is_supported_on_apple_silicon() -> None:
    check_system("Darwin", "arm64", "14.5")


@pytest.mark.parametrize(
    ("system", "machine", "runtime", "name"),
    [
        ("Windows", "AMD64", "", "Windows AMD64"),
        ("Darwin", "x86_64", "15.1", "Darwin 15.1 x86_64"),
        ("Darwin", "arm64", "13.6", "Darwin 13.6 arm64"),
        ("Linux", "armv7l", "glibc", "Linux armv7l"),
        ("Linux", "x86_64", "", "Linux x86_64 without glibc"),
    ],
)
def test_other_systems_get_one_sentence(system: str, machine: str, runtime: str, name: str) -> None:
    with pytest.raises(PreflightError, match="use the container image, WSL 2 or another machine") as caught:
        check_system(system, machine, runtime)
    assert f"this is {name}:" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_python_range_is_that_of_the_project() -> None:
    assert 'requires-python = ">=3.11,<3.14"' in (ROOT / "pyproject.toml").read_text()
    assert (preflight.OLDEST, preflight.TOO_NEW) == ((3, 11), (3, 14))


def test_source_is_valid_for_old_pythons_and_imports_the_standard_library_only() -> None:
    source = Path(preflight.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names)


def write_project(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name in ("constraints.txt", "constraints-light.txt", "pyproject.toml"):
        (folder / name).write_text(f"# {name}\n")
    return folder


def test_no_module_beside_it_hides_one_of_the_standard_library() -> None:
    """`make install` runs it as a script, so its folder is searched first."""
    beside = {path.stem for path in Path(preflight.__file__).parent.glob("*.py")}
    assert not beside & sys.stdlib_module_names


def test_fingerprint_depends_on_packages_kind_and_folder(tmp_path: Path) -> None:
    one, two = write_project(tmp_path / "one"), write_project(tmp_path / "two")
    first = fingerprint(one, FULL)
    assert first == fingerprint(one, FULL)
    assert first != fingerprint(two, FULL)
    assert first != fingerprint(one, LIGHT)
    (one / "constraints.txt").write_text("a==2\n")
    assert first != fingerprint(one, FULL)


def test_progress_is_made_from_lines_of_pip(tmp_path: Path) -> None:
    progress = PipProgress(3, tmp_path, terminal=False)
    progress.read("Collecting torch==2.15.0 (from -r constraints.txt (line 9))")
    assert "1/3 fetching torch," in progress.message()
    progress.read("  Downloading https://somewhere.example/wheels/torch-2.15.0-cp311-linux.whl (539.1 MB)")
    assert "1/3 downloading torch (539.1 MB)," in progress.message()
    progress.read("Requirement already satisfied: rich==15.0.0 in ./lib (from -r constraints.txt (line 3)) (15.0.0)")
    assert "2/3 fetching rich," in progress.message()
    progress.read("Installing collected packages: torch, rich")
    (tmp_path / "torch-2.15.0.dist-info").mkdir()
    assert "1/3 packages unpacked," in progress.message()


@pytest.mark.parametrize(("installed", "wanted"), [("full", "full"), ("light", "light"), ("full", "light")])
def test_current_installation_is_left_alone(installed: str, wanted: str, tmp_path: Path) -> None:
    root, venv = write_project(tmp_path), tmp_path / "venv"
    venv.mkdir()
    (venv / "magpie-ready").write_text(fingerprint(root, KINDS[installed]))
    preflight.install(root, venv, KINDS[wanted])
    assert [path.name for path in venv.iterdir()] == ["magpie-ready"]


def test_first_line_states_the_cost_and_a_failure_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Uses a real virtual environment and a real pip, which refuses a package without a hash."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "constraints-light.txt").write_text("nothing-of-this-name @ file:///nowhere/x.whl\n")
    venv = tmp_path / "venv"
    with pytest.raises(PreflightError, match="Run the same command again"):
        preflight.install(tmp_path, venv, LIGHT)
    first = capsys.readouterr().out.splitlines()[0]
    assert "0.3 GB to download" in first
    assert "0.9 GB on disk" in first
    assert (venv / "magpie-unfinished").exists()
    assert not (venv / "magpie-ready").exists()


def test_pip_is_uninstalled_from_a_light_installation(tmp_path: Path) -> None:
    """Uses a real virtual environment with links to the files of this one's pip."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python, (packages,) = venv / "bin" / "python", venv.glob("lib/*/site-packages")
    assert not has_pip(python)
    link_files(metadata.distribution("pip"), packages)
    assert has_pip(python)
    uninstall_installers(venv)
    assert not has_pip(python)
    assert not list(packages.glob("pip*"))


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_names_the_missing_python() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "PYTHON=no-such-python", "VENV=/nowhere/venv", "install"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "apt install python3 python3-venv" in done.stderr
