"""`magpie sbom`: the packages that this installation consists of, with their licenses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import quote

import typer

from bot.cli.context import invocation
from rag import UserCanFix

NAME = "magpie"

DPKG_STATUS = Path("/var/lib/dpkg/status")
"""Where Debian and its derivatives record what is installed."""

_OS_RELEASE = Path("/etc/os-release")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_APACHE = re.compile(r"Apache License\s+Version 2\.0, January 2004\s")
"""The beginning of the license's text."""

_FOR_DEVELOPERS = "dev"
_LONGEST_NAME = 80
"""Characters of the name of a license; longer ones are whole texts."""


class Package(Protocol):
    """What is read of an installed package of Python."""

    @property
    def version(self) -> str: ...
    @property
    def requires(self) -> Sequence[str] | None: ...
    @property
    def metadata(self) -> Any: ...


def register(app: typer.Typer) -> None:
    app.command()(sbom)


def sbom(
    context: typer.Context,
    system: Annotated[
        bool,
        typer.Option(
            "--system", help="Add the packages of Debian or Ubuntu on this machine: all that an image of Magpie has."
        ),
    ] = False,
) -> None:
    """Print which packages are installed with Magpie and under which licenses, as JSON in the format CycloneDX."""
    components = list_components() + (list_system_packages() if system else [])
    invocation(context).screen(json=True).write_json(cyclonedx(components))


@dataclass(frozen=True, slots=True)
class Component:
    """An installed package.

    `purl`: its address as a package URL. `license`: an SPDX expression, or a name in the package's own words; empty
    without one.
    """

    name: str
    version: str
    purl: str
    license: str = ""


def list_components(root: str = NAME, find: Callable[[str], Package] = distribution) -> list[Component]:
    """Return the packages of Python that this one needs and that are installed, itself first, then by name.

    Packages of its extras count if they are installed, except those for developers. `find`: return an installed
    package, or raise PackageNotFoundError.
    """
    found: dict[str, Component] = {}
    extras_of: dict[str, set[str]] = {}
    waiting = [(_normal(root), _extras(find(root)) - {_FOR_DEVELOPERS})]
    while waiting:
        name, extras = waiting.pop()
        if name in found and extras <= extras_of[name]:
            continue
        try:
            package = find(name)
        except PackageNotFoundError:  # for another system, or an extra
            continue
        extras_of[name] = extras | extras_of.get(name, set())
        found[name] = Component(name, package.version, f"pkg:pypi/{name}@{package.version}", license_of(package))
        waiting += _requirements(package, extras_of[name])
    first = found.pop(_normal(root))
    return [first, *(found[name] for name in sorted(found))]


def list_system_packages(status: Path = DPKG_STATUS, os_release: Path = _OS_RELEASE) -> list[Component]:
    """Return the installed packages of Debian or a derivative, by name; their licenses are not recorded there."""
    try:
        stanzas = status.read_text(encoding="utf-8").split("\n\n")
    except FileNotFoundError as error:
        raise UserCanFix(
            "--system lists the packages of Debian and Ubuntu, and this system has none.",
            "Use the tool of this system for its packages, and magpie sbom for those of Python.",
        ) from error
    system = _fields(os_release.read_text(encoding="utf-8"), "=") if os_release.exists() else {}
    vendor = system.get("ID", "debian")
    release = f"&distro={vendor}-{system['VERSION_ID']}" if "VERSION_ID" in system else ""
    found = []
    for stanza in stanzas:
        package = _fields(stanza, ":")
        if package.get("Status", "").endswith(" installed"):
            name, version = package["Package"], package["Version"]
            address = f"pkg:deb/{vendor}/{name}@{quote(version, safe=':')}?arch={package['Architecture']}{release}"
            found.append(Component(name, version, address))
    return sorted(found, key=lambda component: component.purl)


def _fields(text: str, separator: str) -> dict[str, str]:
    """Return the fields of a stanza, one a line; lines that go on with a field begin with a space and are left out."""
    lines = (line.partition(separator) for line in text.splitlines() if not line.startswith(" "))
    return {name: value.strip().strip('"') for name, _, value in lines}


def license_of(package: Package) -> str:
    """Return the license that a package's metadata name: its expression, classifiers or short name."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return str(metadata["License-Expression"])
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    named = [one for one in classifiers if one != "OSI Approved"]
    if named:
        return " OR ".join(named)
    written = metadata["License"].strip() if "License" in metadata else ""
    if _APACHE.match(written):  # some packages have the whole text there
        return "Apache-2.0"
    return written if len(written) <= _LONGEST_NAME and "\n" not in written else ""


def cyclonedx(components: Iterable[Component]) -> dict[str, Any]:
    """Return a bill of materials in the format CycloneDX 1.6; the first component is what it is about."""
    main, *others = [_entry(component) for component in components]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": main | {"type": "application"}},
        "components": others,
    }


def _entry(component: Component) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "type": "library",
        "bom-ref": component.purl,
        "name": component.name,
        "version": component.version,
        "purl": component.purl,
    }
    if component.license:
        entry["licenses"] = [{"license": {"name": component.license}}]
    return entry


def _extras(package: Package) -> set[str]:
    return {match[1] for line in package.requires or () if (match := _EXTRA.search(line))}


def _requirements(package: Package, extras: set[str]) -> list[tuple[str, set[str]]]:
    """Return the names of the packages that this one needs with some extras, with the extras that it needs of each."""
    needed = []
    for line in package.requires or ():
        extra, match = _EXTRA.search(line), _REQUIREMENT.match(line)
        if match and (extra is None or extra[1] in extras):
            wanted = {_normal(one.strip()) for one in (match["extras"] or "").split(",") if one.strip()}
            needed.append((_normal(match["name"]), wanted))
    return needed


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
