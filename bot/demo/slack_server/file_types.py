"""The type that Slack gives to a new file."""

from __future__ import annotations

from pathlib import Path

TYPES_BY_SIGNATURE = {
    b"%PDF-": ("application/pdf", "pdf"),
    b"\x89PNG": ("image/png", "png"),
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
}
TYPES_BY_EXTENSION = {
    "gif": "image/gif",
    "webp": "image/webp",
    "txt": "text/plain",
    "html": "text/html",
    "md": "text/markdown",
    "zip": "application/zip",
    "mp4": "video/mp4",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


def detect_type(name: str, data: bytes) -> tuple[str, str]:
    """Return (mimetype, filetype), from the first bytes if they are known, else from the file extension."""
    for magic, kind in TYPES_BY_SIGNATURE.items():
        if data.startswith(magic):
            return kind
    ending = Path(name).suffix.lower().removeprefix(".")
    if ending in TYPES_BY_EXTENSION:
        return TYPES_BY_EXTENSION[ending], "text" if ending == "txt" else ending
    return ("application/octet-stream", "binary") if b"\0" in data else ("text/plain", "text")
