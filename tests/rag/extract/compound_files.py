"""OLE files (MS-CFB) for the tests, and Outlook mails in them (MS-OXMSG)."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Storage: TypeAlias = Mapping[str, "bytes | Storage"]

_END, _FREE, _TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_SECTOR, _SMALL_SECTOR, _MIN_STREAM = 512, 64, 4096


def compound_file(root: Storage) -> bytes:
    """Return an OLE file: small streams inside of one stream, larger ones in their own sectors."""
    entries: list[_Entry] = [_Entry("Root Entry", 5)]
    _add(entries, entries[0], root)
    small = [entry for entry in entries if 0 < len(entry.data) < _MIN_STREAM]
    large = [entry for entry in entries if len(entry.data) >= _MIN_STREAM]
    small_table = _chain([-(-len(entry.data) // _SMALL_SECTOR) for entry in small], small, 0)
    entries[0].data = b"".join(_padded(entry.data, _SMALL_SECTOR) for entry in small)
    small_chain = _padded(struct.pack(f"<{len(small_table)}I", *small_table), fill=b"\xff")
    parts = [
        b"".join(entry.packed() for entry in entries),
        small_chain,
        entries[0].data,
        *(entry.data for entry in large),
    ]
    lengths = [-(-len(part) // _SECTOR) for part in parts]
    table_sectors = 1
    while table_sectors * (_SECTOR // 4) < sum(lengths) + table_sectors:
        table_sectors += 1
    holders = [_Entry(""), _Entry(""), entries[0], *large]
    table = [_TABLE] * table_sectors + _chain(lengths, holders, table_sectors)
    parts[0] = b"".join(entry.packed() for entry in entries)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    small_start = holders[1].start if lengths[1] else _END
    header += struct.pack("<8I", table_sectors, table_sectors, 0, _MIN_STREAM, small_start, lengths[1], _END, 0)
    header += struct.pack("<109I", *range(table_sectors), *[_FREE] * (109 - table_sectors))
    body = struct.pack(f"<{len(table)}I", *table).ljust(table_sectors * _SECTOR, b"\xff")
    return header + body + b"".join(map(_padded, parts))


def _chain(lengths: Sequence[int], entries: Sequence[_Entry], first: int) -> list[int]:
    """Return the table of sectors for streams of these lengths, one after another, and set where they start."""
    table: list[int] = []
    for length, entry in zip(lengths, entries, strict=True):
        entry.start = first + len(table) if length else _END
        table += [*range(first + len(table) + 1, first + len(table) + length), *[_END][: length > 0]]
    return table


def _add(entries: list[_Entry], parent: _Entry, storage: Storage) -> None:
    """Add the entries of a storage: its first child, then each as the right sibling of the one before."""
    previous: _Entry | None = None
    for name, content in storage.items():
        is_stream = isinstance(content, bytes)
        entry = _Entry(name, 2 if is_stream else 1, data=content if isinstance(content, bytes) else b"")
        if previous is None:
            parent.child = len(entries)
        else:
            previous.right = len(entries)
        entries.append(entry)
        previous = entry
        if not isinstance(content, bytes):
            _add(entries, entry, content)


@dataclass
class _Entry:
    name: str
    kind: int = 0
    right: int = _FREE
    child: int = _FREE
    data: bytes = b""
    start: int = _END

    def packed(self) -> bytes:
        text = (self.name + "\0").encode("utf-16-le")
        entry = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), self.kind, 1, _FREE, self.right, self.child)
        return entry + bytes(36) + struct.pack("<IQ", self.start, len(self.data))


def _padded(data: bytes, size: int = _SECTOR, fill: bytes = b"\0") -> bytes:
    return data.ljust(-(-len(data) // size) * size, fill)


def msg(path: Path, body: str = "", page: str = "", attachments: Mapping[str, bytes] | None = None) -> Path:
    """Write an Outlook mail; `page` is HTML. The first attachment's content id is `logo`."""
    texts = {0x001A: "IPM.Note", 0x0037: "Boat house key", 0x0C1A: "Cosima", 0x0C1F: "cosima@example.org", 0x1000: body}
    binary = {0x1013: page.encode()} if page else {}
    files = {}
    for number, (name, data) in enumerate((attachments or {}).items()):
        names = {0x3707: name} | ({0x3712: "logo"} if number == 0 else {})
        files[f"__attach_version1.0_#{number:08X}"] = _properties(names, {0x3701: data}, 8)
    recipient = _properties({0x3001: "Crew", 0x39FE: "crew@example.org", 0x3003: "crew@example.org"}, {}, 8)
    folders: Storage = {
        **_properties(texts, binary, 32, len(files)),
        "__recip_version1.0_#00000000": recipient,
        **files,
    }
    path.write_bytes(compound_file(folders))
    return path


def _properties(texts: Mapping[int, str], binary: Mapping[int, bytes], header: int, files: int = 0) -> dict[str, bytes]:
    streams = {f"__substg1.0_{number:04X}001F": text.encode("utf-16-le") for number, text in texts.items() if text}
    streams |= {f"__substg1.0_{number:04X}0102": data for number, data in binary.items()}
    start = struct.pack("<8x4I8x", 1, files, 1, files) if header == 32 else bytes(8)
    entries = [_property(0x001F, number, len(text) * 2 + 2) for number, text in texts.items() if text]
    entries += [_property(0x0102, number, len(data)) for number, data in binary.items()]
    entries += [_property(0x0003, 0x3FDE, 65001), _property(0x0003, 0x3705, 1), _property(0x0003, 0x340D, 0x40000)]
    return {"__properties_version1.0": start + b"".join(entries)} | streams


def _property(kind: int, number: int, value: int) -> bytes:
    return struct.pack("<HHIII", kind, number, 6, value, 0)
