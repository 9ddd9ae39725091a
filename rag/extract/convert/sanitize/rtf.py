"""Rich text: groups and control words (RTF specification 1.9.1), copied without those that load something."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import Unreadable
from rag.extract.convert.sanitize.fields import is_harmless_field
from rag.extract.convert.sanitize.pictures import HEAD, head_from_hex, is_picture

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

_PICTURE = b"pict"
_PICTURE_PROPERTIES = frozenset((b"picprop", b"blipuid"))
"""Destinations inside a picture. The text of any other group there could count as the picture's bytes."""
_BITMAP = b"\x28\x00\x00\x00"
"""How a device-independent bitmap begins, which has no file header here."""

_CHECKED = frozenset((b"fldinst", _PROPERTY, _PICTURE))
"""Destinations that wait until their words are known."""

_MOST_HELD = 100
"""Such destinations inside each other. Each word counts for all of them."""

_LONGEST_GROUP = 1 << 20
"""Bytes of an instruction or a property that is looked at as a whole; a picture in a property may be longer."""


@dataclass(slots=True)
class _Group:
    """An open group.

    gone: nothing more of it is written. shown: its beginning was written. held: what waits until its words are known.
    taken: how many of its tokens were looked at.
    """

    gone: bool
    shown: bool
    held: bytearray | None = None
    checked: bytes = b""
    taken: int = 0
    words: list[str] = field(default_factory=list)


def clean_rtf(path: Path, into: Path) -> None:
    """Write the document without fields, objects, templates and drawings that load something. Raise Unreadable."""
    into.write_bytes(cleaned_rtf(path.read_bytes()))


def cleaned_rtf(data: bytes) -> bytes:
    """Return what stays of the document. Whatever follows the end of the outermost group is left out."""
    cleaner = _Cleaner()
    position = 0
    while position < len(data) and not cleaner.ended:
        token = _TOKEN.match(data, position)
        assert token is not None  # every byte begins one of the alternatives
        raw, position = token[0], token.end()
        word = (token["word"] or b"").lower()
        if word == b"bin":
            end = position + max(0, int(token["number"] or 0))
            if end > len(data):
                break
            binary, position = data[position:end], end
            if binary and not _is_bitmap_or_picture(binary[:HEAD]):
                continue  # a picture may use the binary data of any group
            raw += binary
        cleaner.take(token, word, raw)
    return cleaner.written()


class _Cleaner:
    """Takes one token after another and keeps what stays."""

    def __init__(self) -> None:
        self.ended = False
        self._out = bytearray()
        self._groups: list[_Group] = []
        self._holding: list[_Group] = []  # the groups that wait, outermost first; what is inside one waits with it

    def take(self, token: re.Match[bytes], word: bytes, raw: bytes) -> None:
        """`word` is the token's control word in lower case, `raw` all its bytes. Raise Unreadable."""
        if token["open"]:
            self._open(raw)
        elif not self._groups:
            raise Unreadable("The document does not begin as rich text does.", "Save it again, or export it as a PDF.")
        elif token["close"]:
            self._close(raw)
        elif not self._groups[-1].gone and not token["odd"]:
            self._inside(token, word, raw)

    def written(self) -> bytes:
        """What stays. A file that ends inside a group is closed; what waits is not known to be harmless."""
        return bytes(self._out) + b"}" * sum(group.shown for group in self._groups)

    def _write(self, raw: bytes | bytearray) -> None:
        target = self._holding[-1].held if self._holding else self._out
        assert target is not None
        target += raw

    def _open(self, raw: bytes) -> None:
        gone = bool(self._groups) and self._groups[-1].gone
        self._groups.append(_Group(gone, shown=not gone and not self._holding))
        if not gone:
            self._write(raw)

    def _close(self, raw: bytes) -> None:
        group = self._groups.pop()
        if group.held is not None:
            self._holding.pop()
            if _stays(group):
                self._write(group.held)
        if not (self._groups and self._groups[-1].gone):
            self._write(raw)
        self.ended = not self._groups

    def _inside(self, token: re.Match[bytes], word: bytes, raw: bytes) -> None:
        group = self._groups[-1]
        group.taken += 1
        waits = word in _CHECKED and group.held is None
        too_deep = waits and len(self._holding) >= _MOST_HELD
        if word in _REMOVED or word.startswith(b"svg") or self._is_foreign(token, word) or too_deep:
            group.gone = True
        elif waits:
            if word != _PICTURE:
                self._say("\0")  # a field inside an instruction, whose name may be that field's result
            group.checked, group.held = word, bytearray()
            self._holding.append(group)
            self._write(raw)
        elif word not in _DROPPED:
            # One group cannot be two destinations; and an ignored one inside an instruction would hide the name.
            is_ignored = token["sign"] == b"*" and group.held is None
            is_doubtful = is_ignored or (word in _CHECKED and word != group.checked)
            self._say("\0" if is_doubtful else _said(token, word))
            self._write(raw)

    def _say(self, words: str) -> None:
        """Add to the words of the groups that wait. What is around a picture does not contain its digits."""
        for waiting in reversed(self._holding):
            if waiting.checked == _PICTURE:
                if waiting is self._groups[-1]:
                    waiting.words.append(words)
                return
            waiting.words.append(words)

    def _is_foreign(self, token: re.Match[bytes], word: bytes) -> bool:
        """Return whether a group right inside a picture begins with this token and not as a known destination."""
        if len(self._groups) < 2 or self._groups[-2].checked != _PICTURE:
            return False
        taken = self._groups[-1].taken
        return (taken == 1 and token["sign"] != b"*") or (taken == 2 and word not in _PICTURE_PROPERTIES)


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
    if group.checked == _PICTURE:
        head = head_from_hex(said)
        return head == b"" or (head is not None and _is_bitmap_or_picture(head))
    if group.checked == _PROPERTY:
        return "\0" not in said and not any(name in said for name in _LOADING_PROPERTIES)
    return len(group.held) <= _LONGEST_GROUP and is_harmless_field(said)


def _is_bitmap_or_picture(head: bytes) -> bool:
    return is_picture(head) or head.startswith(_BITMAP)
