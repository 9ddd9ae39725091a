"""Parts of Excel workbooks: reading their XML as a stream, their relations, and the texts in them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple
from zipfile import ZipFile

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""A character that XML can't hold, or an underscore that begins such a group (ECMA-376 part 1, 22.9.2.19)."""


class Relation(NamedTuple):
    """What a part refers to: its kind, the name of a part in lower case, and the target as it is written."""

    kind: str
    part: str
    target: str


def elements(file: IO[bytes], *tags: str) -> Iterator[Any]:
    """Yield the elements with these local names at their end, then drop their content.

    Entities are not expanded, nothing outside the file is opened, and the parser's limits on depth and size hold.
    """
    from lxml.etree import iterparse

    wanted = [f"{{*}}{tag}" for tag in tags]
    for _, element in iterparse(file, tag=wanted, resolve_entities=False, no_network=True, load_dtd=False):
        yield element
        element.clear()
        parent = element.getparent()
        if parent is not None:
            while element.getprevious() is not None:
                del parent[0]


def relations(archive: ZipFile, names: Mapping[str, str], part: str) -> dict[str, Relation]:
    """Return {id: relation} of what a part refers to; "" is the package itself."""
    folder, name = posixpath.split(part)
    listed = names.get(posixpath.join(folder, "_rels", f"{name}.rels"))
    if listed is None:
        return {}
    found: dict[str, Relation] = {}
    with archive.open(listed) as file:
        for relation in elements(file, "Relationship"):
            written = relation.get("Target", "")
            target = posixpath.join("/", folder, written.replace("\\", "/"))
            kind = posixpath.basename(relation.get("Type", ""))
            part_name = posixpath.normpath(target).lstrip("/").lower()
            found[relation.get("Id", "")] = Relation(kind, part_name, written)
    return found


def relation_id(element: Any) -> str:
    """Return the id of the relation that an element refers to, or ""."""
    return next((value for key, value in element.attrib.items() if key.endswith("}id")), "")


def text_of(element: Any) -> str:
    """Return the words of a string with formats, without the readings above Japanese words."""
    parts = (
        child.text or ""
        for child in element.iter("{*}t")
        if child.getparent() is None or not str(child.getparent().tag).endswith("}rPh")
    )
    return unescaped("".join(parts))


def unescaped(text: str) -> str:
    """Return a text of a cell with its escaped characters, such as `_x000D_` for a carriage return."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
