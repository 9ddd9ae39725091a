"""Rich text: groups and control words (RTF specification 1.9.1), copied without those that load something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import Unreadable
from rag.read.cleaning.fields import is_harmless_field

_TOKEN = re.compile(
    rb"(?P<open>\{)|(?P<close>\})|\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<code>[0-9A-Fa-f]{2})"
    rb"|\\(?P<sign>[^A-Za-z])|(?P<text>[^\\{}]+)|(?P<odd>\\)",
    re.DOTALL,
)

_REMOVED = frozenset(
    b"template objdata objclass objname objalias objsect objtopic objitem nextfile fontfile fontemb filetbl subdocument"
    b" mailmerge datastore htmltag userprops".split()
)
"""Destinations that go to the end of their group, wherever in the group they begin."""

_DROPPED = frozenset(b"objautlink objlink objupdate objsub objpub objemb objhtml objocx linkstyles linkself".split())
"""Control words that go alone."""

_PROPERTY = b"sp"
_LOADING_PROPERTIES = frozenset(
    ("pibName", "pibFlags", "pibPrintName", "pibPrintFlags", "fillBlipName", "lineFillBlipName")
)
"""Properties of drawings that name a file, or say that it is linked."""

_LONGEST_GROUP = 1 << 20
"""Bytes of an instruction or a property that is looked at as a whole; a picture in a property may be longer."""


@dataclass(slots=True)
class _Group:
    """An open group.

    gone: nothing more of it is written. shown: its beginning was written. held: what waits until its words are known.
    """

    gone: bool
    shown: bool
    held: bytearray | None = None
    checked: bytes = b""
    words: list[str] = field(default_factory=list)


def clean_rtf(path: Path, into: Path) -> None:
    """Write the document without fields, objects, templates and drawings that load something. Raise Unreadable."""
    with into.open("wb") as file:
        for block in cleaned_rtf(path.read_bytes()):
            file.write(block)


def cleaned_rtf(data: bytes) -> Iterator[bytes]:
    """Yield the parts of the document that stay. What follows the end of the outermost group is left out."""
    groups: list[_Group] = []
    holding: list[_Group] = []  # the groups that wait, outermost first; what is inside one waits with it
    position = 0

    def written(token: bytes) -> Iterator[bytes]:
        if holding:
            assert holding[-1].held is not None
            holding[-1].held += token
        else:
            yield token

    while position < len(data):
        token = _TOKEN.match(data, position)
        assert token is not None  # every byte begins one of the alternatives
        position = token.end()
        raw = token[0]
        if token["open"]:
            gone = bool(groups) and groups[-1].gone
            groups.append(_Group(gone, shown=not gone and not holding))
            if not gone:
                yield from written(raw)
            continue
        if not groups:
            raise Unreadable("The document does not begin as rich text does.", "Save it again, or export it as a PDF.")
        group = groups[-1]
        if token["close"]:
            groups.pop()
            if group.held is not None:
                holding.pop()
                if _stays(group):
                    yield from written(bytes(group.held))
            if not (groups and groups[-1].gone):
                yield from written(raw)
            if not groups:
                return
            continue
        word = (token["word"] or b"").lower()
        if word == b"bin":
            end = position + max(0, int(token["number"] or 0))
            if end > len(data):
                break
            raw, position = raw + data[position:end], end
        if group.gone or token["odd"]:
            continue
        if word in _REMOVED or word.startswith(b"svg"):
            group.gone = True
        elif word in (b"fldinst", _PROPERTY) and group.held is None:
            for waiting in holding:  # a field inside an instruction, whose name may be that field's result
                waiting.words.append("\0")
            group.checked, group.held = word, bytearray()
            holding.append(group)
            yield from written(raw)
        elif word not in _DROPPED:
            said = _said(token, word)
            for waiting in holding:
                waiting.words.append(said)
            yield from written(raw)
    # The file ends inside a group, which LibreOffice forgives: what waits is not known to be harmless.
    yield b"}" * sum(group.shown for group in groups)


def _said(token: re.Match[bytes], word: bytes) -> str:
    """The characters that a token adds to the words of its group.

    A character by its Unicode number is followed by others for programs that do not know it, as many as the group
    says: a NUL stands for it here, since a name that is written so is not a name to trust.
    """
    if word == b"u":
        return "\0"
    if token["code"]:
        return chr(int(token["code"], 16))
    return (token["text"] or b"").replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")


def _stays(group: _Group) -> bool:
    assert group.held is not None
    said = "".join(group.words)
    if group.checked == _PROPERTY:
        return "\0" not in said and not any(name in said for name in _LOADING_PROPERTIES)
    return len(group.held) <= _LONGEST_GROUP and is_harmless_field(said)
