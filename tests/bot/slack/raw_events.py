"""Slack's payloads for the tests of their parser."""

from __future__ import annotations

from typing import Any

ME = "U0BOT"
STUB = {"id": "F9", "mode": "file_access", "file_access": "check_file_info", "user": "", "timestamp": 0, "created": 0}


def raw_file(id: str = "F1", name: str = "report.pdf", **more: Any) -> dict[str, Any]:
    kind = name.rpartition(".")[2]
    return {
        "id": id,
        "name": name,
        "title": name,
        "mode": "hosted",
        "filetype": kind,
        "size": 12,
        "timestamp": 1700000000,
        "user": "U1",
        "permalink": f"https://x.slack.com/files/U1/{id}/{name}",
        "is_external": False,
    } | more


def message(text: str = "", *files: dict[str, Any], **more: Any) -> dict[str, Any]:
    received = {"type": "message", "user": "U1", "text": text, "ts": "5.1", "channel": "C1", "channel_type": "channel"}
    return received | ({"files": list(files), "subtype": "file_share"} if files else {}) | more


def edit(now: dict[str, Any], before: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel", "ts": "7.5"}
    return event | {"message": now} | ({} if before is None else {"previous_message": before}) | more


def rich_text(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(elements)}


def section(*elements: dict[str, Any], kind: str = "rich_text_section", **more: Any) -> dict[str, Any]:
    return {"type": kind, "elements": list(elements)} | more


def person(id: str = ME, **style: bool) -> dict[str, Any]:
    return {"type": "user", "user_id": id} | ({"style": style} if style else {})


def words(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def address(url: str, **style: bool) -> dict[str, Any]:
    return {"type": "link", "url": url} | ({"style": style} if style else {})
