"""Build an installation without torch in seconds: a real virtual environment with hard links to installed files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from tests.packaging.constraints import LIGHT, ROOT, read_pins


def build(folder: Path) -> Path:
    """Create a virtual environment with the packages of constraints-light.txt and Magpie; return its Python.

    The files are those of the running interpreter's packages, so nothing is downloaded. Magpie itself is imported from
    this checkout.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for pin in read_pins(LIGHT):
        link_files(metadata.distribution(pin.name), packages)
    _link_metadata(metadata.distribution("magpie"), packages)
    (packages / "magpie.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    return folder / "bin" / "python"


def _link_metadata(package: metadata.Distribution, into: Path) -> None:
    """Let Magpie know its own version, as every installation does."""
    folder = into / f"magpie-{package.version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: magpie\nVersion: {package.version}\n", encoding="utf-8"
    )


def link_files(package: metadata.Distribution, into: Path) -> None:
    """Link the files of an installed package into another `site-packages`, or copy them. Commands are left out."""
    source = Path(str(package.locate_file(""))).resolve()
    for file in package.files or ():
        path = Path(str(package.locate_file(file))).resolve()
        if path.is_relative_to(source) and path.is_file():  # commands of the package lie outside
            target = into / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:  # another file system
                shutil.copy2(path, target)
