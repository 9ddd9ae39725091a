"""Slack's file objects as values: what a file is, and whether it can be indexed. Pure."""

from __future__ import annotations

from types import MappingProxyType

from bot.slack.events import READABLE, FileKind, SlackFile, Unusable
from bot.slack.message_text import Raw, as_text

_KINDS = MappingProxyType(
    {
        "hosted": FileKind.HOSTED,
        "snippet": FileKind.SNIPPET,
        "external": FileKind.EXTERNAL,
        "quip": FileKind.CANVAS,
        "canvas": FileKind.CANVAS,
        "post": FileKind.POST,
        "space": FileKind.POST,
        "email": FileKind.EMAIL,
        "list": FileKind.LIST,
    }
)
"""Kinds by mode."""

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

_UNUSABLE_TYPES = MappingProxyType(
    dict.fromkeys("mp3 m4a wav ogg oga opus aac flac wma aiff".split(), Unusable.AUDIO)
    | dict.fromkeys("mp4 mov m4v avi mkv webm mpg mpeg wmv flv 3gp".split(), Unusable.VIDEO)
    | dict.fromkeys("zip gz tgz tar bz2 xz 7z rar zst jar dmg iso".split(), Unusable.ARCHIVE)
    | dict.fromkeys("xlsx xls xlsm xlsb ods csv tsv numbers gsheet".split(), Unusable.SPREADSHEET)
    | dict.fromkeys("html htm xhtml mhtml".split(), Unusable.WEB_PAGE)
    | dict.fromkeys("exe dll msi apk so class pyc ttf otf woff psd ai heic svg".split(), Unusable.OTHER)
)

_MIMETYPES = MappingProxyType(
    {
        "application/pdf": "pdf",
        "image/png": "png",
        "image/jpeg": "jpg",
        "image/webp": "webp",
        "image/gif": "gif",
        "image/tiff": "tiff",
        "image/bmp": "bmp",
        "application/msword": "doc",
        "application/vnd.ms-powerpoint": "ppt",
        "application/rtf": "rtf",
        "text/rtf": "rtf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
        "application/vnd.oasis.opendocument.text": "odt",
        "application/vnd.oasis.opendocument.presentation": "odp",
    }
)

_NO_TYPE = ("", "binary", "unknown", "auto")
_NO_MIMETYPE = ("", "application/octet-stream", "binary/octet-stream", "application/unknown")


def slack_file(raw: Raw) -> SlackFile:
    """Parse a file object, complete or a stub."""
    mode = as_text(raw.get("mode"))
    if mode in ("", "file_access") or raw.get("file_access") == "check_file_info":
        return SlackFile(as_text(raw.get("id")))
    title, name = as_text(raw.get("title")), as_text(raw.get("name") or raw.get("title"))
    kind = _kind(raw, mode)
    ending, unusable = _usability(raw, kind, name)
    return SlackFile(
        as_text(raw.get("id")),
        title if "." in title else name,
        as_text(raw.get("permalink")) or None,
        ending,
        _number(raw.get("size")),
        _number(raw.get("timestamp")) or _number(raw.get("created")),
        as_text(raw.get("user")),
        stub=False,
        kind=kind,
        unusable=unusable,
    )


def _kind(raw: Raw, mode: str) -> FileKind:
    if raw.get("is_external"):
        return FileKind.EXTERNAL
    kind, mimetype = _KINDS.get(mode, FileKind.UNKNOWN), as_text(raw.get("mimetype"))
    if kind is FileKind.HOSTED and (raw.get("subtype") == "slack_audio" or mimetype.startswith("audio/")):
        return FileKind.AUDIO
    if kind is FileKind.HOSTED and (raw.get("subtype") == "slack_video" or mimetype.startswith("video/")):
        return FileKind.VIDEO
    return kind


def _usability(raw: Raw, kind: FileKind, name: str) -> tuple[str, Unusable | None]:
    """Return a file's type as an extension, and why it cannot be indexed."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    filetype = as_text(raw.get("filetype")).lower()
    mode = raw.get("mode")
    if mode in ("tombstone", "hidden_by_limit"):
        return filetype, Unusable.DELETED if mode == "tombstone" else Unusable.HIDDEN
    if raw.get("file_access") == "access_denied":
        return filetype, Unusable.NO_ACCESS
    if kind not in (FileKind.HOSTED, FileKind.SNIPPET):
        return filetype, _UNUSABLE_KINDS[kind]
    return _type_of_upload(ending, filetype, as_text(raw.get("mimetype")).lower(), snippet=kind is FileKind.SNIPPET)


def _type_of_upload(ending: str, filetype: str, mimetype: str, *, snippet: bool) -> tuple[str, Unusable | None]:
    """A known extension, type or MIME type makes a file readable. If none of them says anything, its bytes decide."""
    mimetype = mimetype.partition(";")[0].strip()
    known = next((kind for kind in (ending, filetype, _MIMETYPES.get(mimetype, "")) if kind in READABLE), "")
    if known:
        return known, None
    unusable = _UNUSABLE_TYPES.get(filetype) or _UNUSABLE_TYPES.get(ending)
    if snippet and unusable is not Unusable.WEB_PAGE:  # text with any extension, such as code
        return filetype, None
    if unusable:
        return filetype or ending, unusable
    if filetype in _NO_TYPE and mimetype.startswith("text/"):
        return "text", None
    if filetype in _NO_TYPE and mimetype in _NO_MIMETYPE:
        return "", None
    return filetype, Unusable.OTHER


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
