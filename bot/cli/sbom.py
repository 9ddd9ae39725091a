"""`magpie sbom`: the packages that this installation consists of, with their licenses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

import typer

from bot.cli.context import invocation

NAME = "magpie"

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST_NAME = 80
"""Characters of the name of a license; longer ones are whole texts."""


def register(app: typer.Typer) -> None:
    app.command()(sbom)


def sbom(context: typer.Context) -> None:
    """Print which packages are installed with Magpie and under which licenses, as JSON in the format CycloneDX."""
    invocation(context).screen(json=True).write_json(cyclonedx(list_components()))


@dataclass(frozen=True, slots=True)
class Component:
    """An installed package. `license`: an SPDX expression, or a name in the package's own words; empty without one."""

    name: str
    version: str
    license: str


def list_components(root: str = NAME) -> list[Component]:
    """Return the packages that this one needs and that are installed, itself first, then by name. No extras."""
    found: dict[str, Component] = {}
    waiting = [root]
    while waiting:
        name = _normal(waiting.pop())
        if name in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another system
            continue
        found[name] = Component(name, package.version, license_of(package))
        waiting += [match[0] for line in _requirements(package) if (match := _REQUIREMENT.match(line))]
    first = found.pop(_normal(root), None)
    return [component for component in (first, *(found[name] for name in sorted(found))) if component is not None]


def license_of(package: Distribution) -> str:
    """Return the license that a package's metadata name: its expression, classifiers or short name."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = [
        line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if line.startswith("License :: ")
    ]
    named = [one for one in classifiers if one != "OSI Approved"]
    if named:
        return " OR ".join(named)
    written = metadata["License"].strip() if "License" in metadata else ""
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
    address = f"pkg:pypi/{component.name}@{component.version}"
    entry: dict[str, Any] = {
        "type": "library",
        "bom-ref": address,
        "name": component.name,
        "version": component.version,
        "purl": address,
    }
    if component.license:
        entry["licenses"] = [{"license": {"name": component.license}}]
    return entry


def _requirements(package: Distribution) -> list[str]:
    return [line for line in package.requires or () if "extra ==" not in line]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
