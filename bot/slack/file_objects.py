"""Slack's file objects as values: what a file is, and whether it can be indexed. Pure."""

from __future__ import annotations

from types import MappingProxyType

from bot.slack.events import FileKind, SlackFile, Unusable
from bot.slack.file_kinds import file_kind, typed_name, upload_type
from bot.slack.message_text import Raw, as_text
from bot.slack.text_files import has_text, is_being_transcribed

_UNUSABLE_KINDS = MappingProxyType(
    {
        FileKind.EXTERNAL: Unusable.EXTERNAL,
        FileKind.CANVAS: Unusable.CANVAS,
        FileKind.POST: Unusable.POST,
        FileKind.EMAIL: Unusable.EMAIL,
        FileKind.LIST: Unusable.LIST,
        FileKind.AUDIO: Unusable.AUDIO,
        FileKind.VIDEO: Unusable.VIDEO,
        FileKind.UNKNOWN: Unusable.OTHER,
    }
)


_TEXT = "text"
"""Type of a canvas, post, e-mail or transcript, which are indexed as text."""


def slack_file(raw: Raw) -> SlackFile:
    """Parse a file object, complete or a stub."""
    mode = as_text(raw.get("mode"))
    if mode in ("", "file_access") or raw.get("file_access") == "check_file_info":
        return SlackFile(as_text(raw.get("id")))
    title, name = as_text(raw.get("title")), as_text(raw.get("name") or raw.get("title"))
    kind = file_kind(raw)
    ending, unusable = _type(raw, kind)
    return SlackFile(
        as_text(raw.get("id")),
        typed_name(title if "." in title else name, ending),
        as_text(raw.get("permalink")) or None,
        ending,
        _number(raw.get("size")),
        _number(raw.get("timestamp")) or _number(raw.get("created")),
        as_text(raw.get("user")),
        stub=False,
        kind=kind,
        unusable=unusable,
        team=as_text(raw.get("user_team")),
    )


def _type(raw: Raw, kind: FileKind) -> tuple[str, Unusable | None]:
    """Return a file's type as an extension, and why it cannot be indexed."""
    mode = raw.get("mode")
    if mode in ("tombstone", "hidden_by_limit"):
        return "", Unusable.DELETED if mode == "tombstone" else Unusable.HIDDEN
    if raw.get("file_access") == "access_denied":
        return "", Unusable.NO_ACCESS
    if kind in (FileKind.HOSTED, FileKind.SNIPPET):
        return upload_type(raw)
    if has_text(raw):
        return _TEXT, None
    return "", Unusable.TRANSCRIBING if is_being_transcribed(raw) else _UNUSABLE_KINDS[kind]


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
