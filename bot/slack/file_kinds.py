"""What a file in Slack is, and which types of files can be indexed. Pure."""

from __future__ import annotations

from types import MappingProxyType

from bot.slack.events import (
    DOCUMENTS,
    PAGES,
    PICTURES,
    READABLE,
    SLIDES,
    SPREADSHEETS,
    TEXTS,
    FileKind,
    Unusable,
)
from bot.slack.message_text import Raw, as_text
from rag import FileType

EXTENSIONS = MappingProxyType(
    {
        FileType.PDF: frozenset({"pdf"}),
        FileType.IMAGE: PICTURES | {"svg"},
        FileType.DOCUMENT: DOCUMENTS | {"epub"},
        FileType.SLIDES: SLIDES,
        FileType.SPREADSHEET: SPREADSHEETS,
        FileType.TEXT: TEXTS | PAGES,
        FileType.LINK: frozenset[str](),
    }
)
"""The extensions of each type that people name."""

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

_KINDS_OF_TYPES = MappingProxyType(
    {
        "quip": FileKind.CANVAS,
        "canvas": FileKind.CANVAS,
        "space": FileKind.POST,
        "post": FileKind.POST,
        "email": FileKind.EMAIL,
        "list": FileKind.LIST,
    }
)
"""Kinds by filetype: Slack gives some of these files the mode of an upload."""

_KINDS_OF_MIMETYPES = MappingProxyType(
    {"application/vnd.slack-docs": FileKind.CANVAS, "application/vnd.slack-list": FileKind.LIST}
)

_UNUSABLE_TYPES = MappingProxyType(
    dict.fromkeys("mp3 m4a wav ogg oga opus aac flac wma aiff".split(), Unusable.AUDIO)
    | dict.fromkeys("mp4 mov m4v avi mkv webm mpg mpeg wmv flv 3gp".split(), Unusable.VIDEO)
    | dict.fromkeys("zip gz tgz tar bz2 xz 7z rar zst jar dmg iso".split(), Unusable.ARCHIVE)
    | dict.fromkeys("numbers gsheet".split(), Unusable.SPREADSHEET)
    | dict.fromkeys(["webarchive"], Unusable.WEB_PAGE)
    | dict.fromkeys("exe dll msi apk so class pyc ttf otf woff psd ai".split(), Unusable.OTHER)
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
        "image/heic": "heic",
        "image/heif": "heif",
        "image/avif": "avif",
        "image/svg+xml": "svg",
        "text/html": "html",
        "application/xhtml+xml": "xhtml",
        "multipart/related": "mhtml",
        "message/rfc822": "eml",
        "application/vnd.ms-outlook": "msg",
        "application/epub+zip": "epub",
        "application/x-ipynb+json": "ipynb",
        "text/csv": "csv",
        "text/tab-separated-values": "tsv",
        "application/vnd.ms-excel": "xls",
        "application/vnd.ms-excel.sheet.macroenabled.12": "xlsm",
        "application/vnd.ms-excel.sheet.binary.macroenabled.12": "xlsb",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/vnd.oasis.opendocument.spreadsheet": "ods",
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


def file_kind(raw: Raw) -> FileKind:
    """Return what a file is. A voice clip has a video's MIME type; its subtype says that it is a clip."""
    if raw.get("is_external"):
        return FileKind.EXTERNAL
    filetype, mimetype = as_text(raw.get("filetype")).lower(), as_text(raw.get("mimetype")).lower()
    kind = _KINDS_OF_TYPES.get(filetype) or _KINDS_OF_MIMETYPES.get(mimetype) or _KINDS.get(as_text(raw.get("mode")))
    if kind is not FileKind.HOSTED:
        return kind or FileKind.UNKNOWN
    match as_text(raw.get("subtype")), mimetype.partition("/")[0], upload_type(raw)[1]:
        case ("slack_audio", _, _) | (_, "audio", _) | (_, _, Unusable.AUDIO):
            return FileKind.AUDIO
        case ("slack_video", _, _) | (_, "video", _) | (_, _, Unusable.VIDEO):
            return FileKind.VIDEO
    return kind


def type_of_name(name: str) -> FileType:
    """Return the type of a file by the extension of its name, as `type:` in a question does. Canvases, posts, snippets
    and files without a known extension count as text."""
    return _type_of(name.rpartition(".")[2].lower() if "." in name else "")


def typed_name(name: str, ending: str) -> str:
    """Return a name whose extension says of which type a file is: "Minutes 30.11.2026" of a PDF gets one. `ending`: the
    type of the file as an extension."""
    type = _type_of(ending)
    return name if not name or type in (FileType.TEXT, type_of_name(name)) else f"{name}.{ending}"


def _type_of(ending: str) -> FileType:
    return next((type for type, endings in EXTENSIONS.items() if ending in endings), FileType.TEXT)


def upload_type(raw: Raw) -> tuple[str, Unusable | None]:
    """Return the type of an uploaded file as an extension, and why it cannot be indexed.

    A known extension, type or MIME type is enough. If none of them says anything, the type is empty: the bytes decide.
    """
    name = as_text(raw.get("name") or raw.get("title"))
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    filetype = as_text(raw.get("filetype")).lower()
    mimetype = as_text(raw.get("mimetype")).lower().partition(";")[0].strip()
    known = next((kind for kind in (ending, filetype, _MIMETYPES.get(mimetype, "")) if kind in READABLE), "")
    if known:
        return known, None
    unusable = _UNUSABLE_TYPES.get(filetype) or _UNUSABLE_TYPES.get(ending)
    if raw.get("mode") == "snippet":  # text with any extension, such as code
        return filetype, None
    if unusable:
        return filetype or ending, unusable
    if filetype in _NO_TYPE and mimetype.startswith("text/"):
        return "text", None
    return ("", None) if filetype in _NO_TYPE and mimetype in _NO_MIMETYPE else (filetype, Unusable.OTHER)
