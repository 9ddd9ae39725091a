"""files.*: reading, listing, and the three steps of an upload."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bot.demo.slack_server import actions, file_actions
from bot.demo.slack_server.file_actions import Destination
from bot.demo.slack_server.payloads import file_json
from bot.demo.slack_server.request import Asked, Method, Refusal
from bot.demo.slack_server.state import Json, SlackFile, Upload

OF_TYPE: dict[str, Callable[[SlackFile], bool]] = {
    "images": lambda file: file.mimetype.startswith("image/"),
    "pdfs": lambda file: file.mimetype == "application/pdf",
    "snippets": lambda file: file.mode == "snippet",
    "zips": lambda file: file.filetype == "zip",
    "spaces": lambda file: file.mode in ("space", "post"),
    "gdocs": lambda file: file.external,
}


def info(asked: Asked) -> Json:
    told = file_json(asked.world, asked.file())
    return {"file": told, "comments": [], "response_metadata": {"next_cursor": ""}}


def list_files(asked: Asked) -> Json:
    """Newest first. `ts_from` and `ts_to` are about the creation of a file, not about its shares."""
    world, channel = asked.world, asked.text("channel")
    if channel:
        asked.space()
    born_before = time.monotonic() - world.pace.list_lag
    first, last = float(asked.text("ts_from") or 0), float(asked.text("ts_to") or "inf")
    types = asked.listed("types") or ["all"]
    owner = asked.text("user")

    def listed(file: SlackFile) -> bool:
        if not world.bot_sees(file) or file.born > born_before or not first <= file.created <= last:
            return False
        if owner not in ("", file.owner):
            return False
        if channel and channel not in {share.space for share in world.visible_shares(file)}:
            return False
        if file.mode == "hidden_by_limit" and not asked.flag("show_files_hidden_by_limit"):
            return False
        return "all" in types or any(OF_TYPE[each](file) for each in types if each in OF_TYPE)

    found = [file for file in reversed(world.files.values()) if listed(file)]
    count, page = asked.number("count", 100) or 100, asked.number("page", 1) or 1
    pages = -(-len(found) // count)
    shown = [file_json(world, each) for each in found[(page - 1) * count : page * count]]
    return {"files": shown, "paging": {"count": count, "total": len(found), "page": page, "pages": pages}}


def start_upload(asked: Asked) -> Json:
    length = asked.number("length", 0)
    if not asked.text("filename") or not length:
        raise Refusal("missing_argument")
    file_id = asked.world.unique_id("F")
    upload = asked.world.uploads[file_id] = Upload(asked.text("filename"), length, asked.text("alt_txt"))
    return {"upload_url": f"http://{asked.world.host}/upload/{file_id}/{upload.ticket}", "file_id": file_id}


def _wanted(asked: Asked) -> list[dict[str, Any]]:
    files = asked.json("files")
    if not isinstance(files, list) or not files or not all(isinstance(each, dict) and "id" in each for each in files):
        raise Refusal("invalid_arguments", "[ERROR] missing required field: files")
    for each in files:
        upload = asked.world.uploads.get(each["id"])
        if upload is None or upload.data is None:
            raise Refusal("file_not_found")
    return files


def _destinations(asked: Asked) -> list[str]:
    """Ids of conversations; people stand for the direct conversation with them."""
    world, found = asked.world, []
    for each in [*asked.listed("channel_id"), *asked.listed("channels")]:
        channel = actions.direct(asked.stage, [each]) if each in world.people else each
        asked.arguments["channel"] = channel
        found.append(asked.joined().id)
    return found


def complete_upload(asked: Asked) -> Json:
    """The reply knows of no share: that comes later, and with `alt_txt` never."""
    world, wanted, channels = asked.world, _wanted(asked), _destinations(asked)
    comment, thread_ts = asked.text("initial_comment"), asked.text("thread_ts")
    blocks = None if comment else asked.blocks()
    silent, told = False, []
    for each in wanted:
        upload = world.uploads.pop(each["id"])
        silent = silent or bool(upload.alt_text)
        file = file_actions.create(
            asked.stage,
            world.bot.id,
            upload.name,
            upload.data or b"",
            file_id=each["id"],
            title=str(each.get("title") or ""),
        )
        told.append(file_json(world, file))
    if channels and not silent:
        to = Destination(channels, comment, blocks, thread_ts)
        file_actions.share_later(asked.stage, [each["id"] for each in wanted], to)
    return {"files": told}


def delete(asked: Asked) -> Json:
    file = asked.file()
    if file.owner != asked.world.bot.id:
        raise Refusal("cant_delete_file")
    file_actions.delete(asked.stage, file.id)
    return {}


METHODS = {
    "files.info": Method(info, ("files:read",), ("file",)),
    "files.list": Method(list_files, ("files:read",)),
    "files.getUploadURLExternal": Method(start_upload, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",), ("files",)),
    "files.delete": Method(delete, ("files:write",), ("file",)),
}
