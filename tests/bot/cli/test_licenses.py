"""The licenses of all pinned packages fit Magpie's own, and the bill of materials names them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from bot.cli.sbom import DPKG_STATUS, Component, cyclonedx, license_of, list_components, list_system_packages
from rag import UserCanFix
from tests.bot.conftest import Run
from tests.support.engine import FakeEngine

ROOT = Path(__file__).resolve().parents[3]

COMPATIBLE = {
    *(
        "MIT",
        "MIT License",
        "MIT-CMU",
        "MIT-0",
        "ISC",
        "ISC License (ISCL)",
        "0BSD",
        "Zlib",
        "CC0-1.0",
        "BSL-1.0",
        "Unlicense",
    ),
    *("BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "3-Clause BSD License", "BSD-3-Clause-Clear"),
    *(
        "Apache-2.0",
        "Apache Software License",
        "Apache License, Version 2.0",
        "Apache License 2.0",
        "Apache 2.0 License",
    ),
    *("Apache-2.0 WITH LLVM-exception", "CNRI-Python", "HPND", "NCSA", "Artistic-2.0"),
    *("PSF-2.0", "Python Software Foundation License", "Python-2.0", "MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"),
    *("LGPL-3.0-only", "LGPL-3.0-or-later", "LGPL-2.1-or-later", "GPL-3.0-or-later", "AGPL-3.0-or-later"),
    "GNU Lesser General Public License v3 or later (LGPLv3+)",
    "Dual Licensed - GNU AFFERO GPL 3.0 or Artifex Commercial License",
}
"""Licenses whose works may be combined with one under the AGPL-3.0-or-later."""

NVIDIA = ("LicenseRef-NVIDIA-Proprietary", "NVIDIA Proprietary Software", "NVIDIA Proprietary License")
"""Licenses of the CUDA libraries; docs/licenses.md says what they mean."""

EMPTY = {"pymupdf-layout", "pymupdf4llm", "cuda-toolkit"}
"""Packages without files and without a license."""


@dataclass
class FakePackage:
    name: str
    requires: Sequence[str]
    version: str = "1"
    metadata: Message = field(default_factory=Message)


def pinned() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [match[1] for line in lines if (match := re.match(r"([A-Za-z0-9._-]+)==", line))]


def is_compatible(expression: str) -> bool:
    """Return whether every part joined by AND has a compatible alternative."""
    if expression in COMPATIBLE:
        return True
    parts = re.split(r"\s+AND\s+", expression)
    if len(parts) > 1:
        return all(is_compatible(part.strip().removeprefix("(").removesuffix(")")) for part in parts)
    return any(part.strip("() ") in COMPATIBLE for part in re.split(r"\s+OR\s+", expression))


@pytest.mark.parametrize(
    ("expression", "is_fine"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception AND ISC", True),
        ("GPL-2.0-only", False),
        ("MIT AND LicenseRef-Proprietary", False),
        ("MIT OR LicenseRef-Proprietary", True),
        ("", False),
    ],
)
def test_licenses_are_compared_part_by_part(expression: str, is_fine: bool) -> None:
    assert is_compatible(expression) is is_fine


def test_licenses_of_all_pinned_packages_fit_the_agpl() -> None:
    checked, others = 0, {}
    for name in pinned():
        try:
            found = license_of(distribution(name))
        except PackageNotFoundError:  # for another system, or an extra
            continue
        checked += 1
        is_nvidia = name.startswith("nvidia-") and found in NVIDIA
        if not (is_compatible(found) or is_nvidia or name in EMPTY):
            others[name] = found
    assert checked > 100
    assert others == {}


def test_bill_of_materials_lists_this_installation(run: Run) -> None:
    components = list_components()
    assert components[0].name == "magpie"
    names = {component.name for component in components}
    assert {"pymupdf", "torch", "sqlalchemy", "slack-bolt"} <= names
    code, out, _ = run(FakeEngine(), "sbom")
    assert code == 0
    assert '"bomFormat": "CycloneDX"' in out


def test_extras_are_listed_if_they_are_installed() -> None:
    required = {
        "root": ("base", 'more[fast]; extra == "folders"', 'absent; extra == "otel"', 'test-runner; extra == "dev"'),
        "base": ('unasked; extra == "speed"',),
        "more": ('quick; extra == "fast"', "base"),
    }
    installed = {"root", "base", "more", "quick", "unasked", "test-runner"}

    def find(name: str) -> FakePackage:
        if name not in installed:
            raise PackageNotFoundError(name)
        return FakePackage(name, required.get(name, ()))

    assert [one.name for one in list_components("root", find)] == ["root", "base", "more", "quick"]


STATUS = """\
Package: libreoffice-nogui
Status: install ok installed
Architecture: amd64
Version: 4:7.4.7-1+deb12u8
Description: office suite
 Version: not this line

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: ca-certificates
Status: hold ok installed
Architecture: all
Version: 20230311+deb12u1~x
"""


def test_packages_of_the_system_are_listed_if_asked_for(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "os-release").write_text('PRETTY_NAME="Debian"\nVERSION_ID="12"\nID=debian\n')
    listed = list_system_packages(tmp_path / "status", tmp_path / "os-release")
    assert [(one.name, one.version, one.purl) for one in listed] == [
        (
            "ca-certificates",
            "20230311+deb12u1~x",
            "pkg:deb/debian/ca-certificates@20230311%2Bdeb12u1~x?arch=all&distro=debian-12",
        ),
        (
            "libreoffice-nogui",
            "4:7.4.7-1+deb12u8",
            "pkg:deb/debian/libreoffice-nogui@4:7.4.7-1%2Bdeb12u8?arch=amd64&distro=debian-12",
        ),
    ]


def test_system_without_packages_of_debian_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserCanFix, match="lists the packages of Debian and Ubuntu"):
        list_system_packages(tmp_path / "status", tmp_path / "os-release")


@pytest.mark.skipif(not DPKG_STATUS.exists(), reason="not on Debian")
def test_bill_of_materials_of_the_image_has_the_packages_of_the_system(run: Run) -> None:
    code, out, _ = run(FakeEngine(), "sbom", "--system")
    assert code == 0
    addresses = {one["purl"].partition("@")[0] for one in json.loads(out)["components"]}
    assert "pkg:pypi/pymupdf" in addresses
    assert any(re.fullmatch(r"pkg:deb/\w+/libc6", address) for address in addresses)


def test_component_is_named_by_its_package_address() -> None:
    made: Any = cyclonedx(
        [
            Component("magpie", "1", "pkg:pypi/magpie@1", "AGPL-3.0-or-later"),
            Component("a", "2", "pkg:pypi/a@2", "MIT"),
            Component("b", "3", "pkg:pypi/b@3"),
        ]
    )
    assert made["metadata"]["component"]["type"] == "application"
    assert made["metadata"]["component"]["purl"] == "pkg:pypi/magpie@1"
    assert [one["purl"] for one in made["components"]] == ["pkg:pypi/a@2", "pkg:pypi/b@3"]
    assert made["components"][0]["licenses"] == [{"license": {"name": "MIT"}}]
    assert "licenses" not in made["components"][1]
