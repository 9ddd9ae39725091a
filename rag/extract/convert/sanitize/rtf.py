"""Sanitizing of rich text: its groups and control words (RTF specification 1.9.1) that load something are removed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import Unreadable
from rag.extract.convert.sanitize.fields import is_harmless_field
from rag.extract.convert.sanitize.pictures import HEAD_BYTES, head_from_hex, is_picture

TOKEN = re.compile(
    rb"(?P<open>\{)|(?P<close>\})|\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<code>[0-9A-Fa-f]{2})"
    rb"|\\(?P<sign>[^A-Za-z])|(?P<text>[^\\{}]+)|(?P<odd>\\)",
    re.DOTALL,
)

_REMOVED = frozenset(
    b"template objdata objclass objname objalias objsect objtopic objitem nextfile fontfile fontemb filetbl subdocument"
    b" mailmerge datastore htmltag userprops".split()
)
"""Destinations that are removed up to the end of their group, wherever in the group they start."""

_REMOVED_WORDS = frozenset(
    b"objautlink objlink objupdate objsub objpub objemb objhtml objocx linkstyles linkself".split()
)
"""Control words that are removed without their group."""

_PROPERTY = b"sp"
_LOADING_PROPERTIES = frozenset(
    ("pibName", "pibFlags", "pibPrintName", "pibPrintFlags", "fillBlipName", "lineFillBlipName")
)
"""Properties of drawings that name a file or mark it as linked."""

_PICTURE = b"pict"
_PICTURE_PROPERTIES = frozenset((b"picprop", b"blipuid"))
"""Destinations allowed inside a picture. Text of other groups could be taken as the picture's bytes."""
_BITMAP = b"\x28\x00\x00\x00"
"""Beginning of a device-independent bitmap, which has no file header in RTF."""

_CHECKED = frozenset((b"fldinst", _PROPERTY, _PICTURE))
"""Destinations that are held back until their text is complete and has been checked."""

_MAX_HELD = 100
"""Maximum nesting of such destinations: each word is added to all of them."""

_MAX_INSTRUCTION_BYTES = 1 << 20
"""Longer field instructions are removed."""


@dataclass(slots=True)
class _Group:
    """An open group.

    removed: the rest of it is not written. written: its beginning was written. held: bytes that are held back until
    its text is complete. checked: the destination for which it is held. taken: number of its tokens so far.
    """

    removed: bool
    written: bool
    held: bytearray | None = None
    checked: bytes = b""
    taken: int = 0
    text: list[str] = field(default_factory=list)


def sanitize_rtf_file(path: Path, into: Path) -> None:
    """Write the document without fields, objects, templates and drawings that load something. Raise Unreadable."""
    into.write_bytes(sanitize_rtf(path.read_bytes()))


def sanitize_rtf(data: bytes) -> bytes:
    """Return the sanitized document, up to the end of its outermost group. Raise Unreadable if it isn't RTF."""
    sanitizer = _Sanitizer()
    position = 0
    while position < len(data) and not sanitizer.ended:
        token = TOKEN.match(data, position)
        assert token is not None  # every byte matches one of the alternatives
        raw, position = token[0], token.end()
        word = (token["word"] or b"").lower()
        if word == b"bin":
            end = position + max(0, int(token["number"] or 0))
            if end > len(data):
                break
            binary, position = data[position:end], end
            if binary and not _is_bitmap_or_picture(binary[:HEAD_BYTES]):
                continue  # a picture could use the binary data of any group
            raw += binary
        sanitizer.take(token, word, raw)
    return sanitizer.result()


class _Sanitizer:
    """Takes the tokens one by one and collects what is kept."""

    def __init__(self) -> None:
        self.ended = False
        self._out = bytearray()
        self._groups: list[_Group] = []
        self._held_groups: list[_Group] = []  # groups that are held back, outermost first, with everything inside them

    def take(self, token: re.Match[bytes], word: bytes, raw: bytes) -> None:
        """Process a token; `word` is its control word in lower case, `raw` all its bytes. Raise Unreadable."""
        if token["open"]:
            self._open(raw)
        elif not self._groups:
            raise Unreadable("The document doesn't start like rich text.", "Save it again, or export it as a PDF.")
        elif token["close"]:
            self._close(raw)
        elif not self._groups[-1].removed and not token["odd"]:
            self._inside(token, word, raw)

    def result(self) -> bytes:
        """Return what is kept. Groups that are still open are closed; those held back are dropped."""
        return bytes(self._out) + b"}" * sum(group.written for group in self._groups)

    def _write(self, raw: bytes | bytearray) -> None:
        target = self._held_groups[-1].held if self._held_groups else self._out
        assert target is not None
        target += raw

    def _open(self, raw: bytes) -> None:
        removed = bool(self._groups) and self._groups[-1].removed
        self._groups.append(_Group(removed, written=not removed and not self._held_groups))
        if not removed:
            self._write(raw)

    def _close(self, raw: bytes) -> None:
        group = self._groups.pop()
        if group.held is not None:
            self._held_groups.pop()
            if _is_kept(group):
                self._write(group.held)
        if not (self._groups and self._groups[-1].removed):
            self._write(raw)
        self.ended = not self._groups

    def _inside(self, token: re.Match[bytes], word: bytes, raw: bytes) -> None:
        group = self._groups[-1]
        group.taken += 1
        starts_hold = word in _CHECKED and group.held is None
        is_too_deep = starts_hold and len(self._held_groups) >= _MAX_HELD
        if word in _REMOVED or word.startswith(b"svg") or self._is_unknown_in_picture(token, word) or is_too_deep:
            group.removed = True
        elif starts_hold:
            if word != _PICTURE:
                # The result of a field inside an instruction could be the name of the outer field.
                self._add_text("\0")
            group.checked, group.held = word, bytearray()
            self._held_groups.append(group)
            self._write(raw)
        elif word not in _REMOVED_WORDS:
            # A group can't be two destinations, and an ignored destination in an instruction could hide its name.
            is_ignored = token["sign"] == b"*" and group.held is None
            is_doubtful = is_ignored or (word in _CHECKED and word != group.checked)
            self._add_text("\0" if is_doubtful else _token_text(token, word))
            self._write(raw)

    def _add_text(self, text: str) -> None:
        """Add text to the groups held back, except to those around a picture."""
        for group in reversed(self._held_groups):
            if group.checked == _PICTURE:
                if group is self._groups[-1]:
                    group.text.append(text)
                return
            group.text.append(text)

    def _is_unknown_in_picture(self, token: re.Match[bytes], word: bytes) -> bool:
        """Return whether this token starts a group directly inside a picture that is not a known destination."""
        if len(self._groups) < 2 or self._groups[-2].checked != _PICTURE:
            return False
        taken = self._groups[-1].taken
        return (taken == 1 and token["sign"] != b"*") or (taken == 2 and word not in _PICTURE_PROPERTIES)


def _token_text(token: re.Match[bytes], word: bytes) -> str:
    r"""Return the text that a token adds to its group.

    For \u it is a NUL, which no name contains: \u is followed by substitute characters, whose number depends on the
    group.
    """
    if word == b"u":
        return "\0"
    if token["code"]:
        return chr(int(token["code"], 16))
    return (token["text"] or b"").replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")


def _is_kept(group: _Group) -> bool:
    assert group.held is not None
    text = "".join(group.text)
    if group.checked == _PICTURE:
        head = head_from_hex(text)
        return head == b"" or (head is not None and _is_bitmap_or_picture(head))
    if group.checked == _PROPERTY:
        return "\0" not in text and not any(name in text for name in _LOADING_PROPERTIES)
    return len(group.held) <= _MAX_INSTRUCTION_BYTES and is_harmless_field(text)


def _is_bitmap_or_picture(head: bytes) -> bool:
    return is_picture(head) or head.startswith(_BITMAP)
