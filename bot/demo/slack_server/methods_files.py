"""The methods files.*: info, list, and the three steps of an upload."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bot.demo.slack_server import actions, file_actions
from bot.demo.slack_server.file_actions import Destination
from bot.demo.slack_server.payloads import file_json
from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Json, SlackFile, Upload

ONLY_IN_INFO = {"shares", "has_more_shares"}
"""Fields of a file that the real files.list does not have."""
TYPE_FILTERS: dict[str, Callable[[SlackFile], bool]] = {
    "images": lambda file: file.mimetype.startswith("image/"),
    "pdfs": lambda file: file.mimetype == "application/pdf",
    "snippets": lambda file: file.mode == "snippet",
    "zips": lambda file: file.filetype == "zip",
    "spaces": lambda file: file.mode in ("space", "post", "quip", "canvas"),
    "gdocs": lambda file: file.external,
}


def info(request: ApiRequest) -> Json:
    return {"file": file_json(request.state, request.file()), "comments": [], "response_metadata": {"next_cursor": ""}}


def list_files(request: ApiRequest) -> Json:
    """List files, newest first. `ts_from` and `ts_to` refer to the creation of a file, not to its shares."""
    state, channel = request.state, request.text("channel")
    if channel:
        request.conversation()
    born_before = time.monotonic() - state.timing.list_lag
    first, last = float(request.text("ts_from") or 0), float(request.text("ts_to") or "inf")
    types = request.items("types") or ["all"]
    owner = request.text("user")

    def is_listed(file: SlackFile) -> bool:
        if not state.is_visible_to_bot(file) or file.born > born_before or not first <= file.created <= last:
            return False
        if owner not in ("", file.owner):
            return False
        if channel and channel not in {share.conversation for share in state.visible_shares(file)}:
            return False
        if file.mode == "hidden_by_limit" and not request.flag("show_files_hidden_by_limit"):
            return False
        return "all" in types or any(TYPE_FILTERS[each](file) for each in types if each in TYPE_FILTERS)

    found = [file for file in reversed(state.files.values()) if is_listed(file)]
    count, page = request.number("count", 100) or 100, request.number("page", 1) or 1
    pages = -(-len(found) // count)
    shown = [file_json(state, each) for each in found[(page - 1) * count : page * count]]
    if not state.quirks.list_shares:
        shown = [{key: value for key, value in each.items() if key not in ONLY_IN_INFO} for each in shown]
    return {"files": shown, "paging": {"count": count, "total": len(found), "page": page, "pages": pages}}


def start_upload(request: ApiRequest) -> Json:
    length = request.number("length", 0)
    if not request.text("filename") or not length:
        raise ApiError("missing_argument")
    file_id = request.state.unique_id("F")
    upload = request.state.uploads[file_id] = Upload(request.text("filename"), length, request.text("alt_txt"))
    return {"upload_url": f"http://{request.state.host}/upload/{file_id}/{upload.ticket}", "file_id": file_id}


def _uploaded(request: ApiRequest) -> list[dict[str, Any]]:
    files = request.json("files")
    if not isinstance(files, list) or not files or not all(isinstance(each, dict) and "id" in each for each in files):
        raise ApiError("invalid_arguments", "[ERROR] missing required field: files")
    for each in files:
        upload = request.state.uploads.get(each["id"])
        if upload is None or upload.data is None:
            raise ApiError("file_not_found")
    return files


def _destinations(request: ApiRequest) -> list[str]:
    """Return ids of conversations. A person's id stands for the direct conversation with them."""
    state, found = request.state, []
    for each in [*request.items("channel_id"), *request.items("channels")]:
        channel = actions.open_direct(request.context, [each]) if each in state.people else each
        request.arguments["channel"] = channel
        found.append(request.joined_conversation().id)
    return found


def complete_upload(request: ApiRequest) -> Json:
    """Finish an upload. Sharing happens after the answer, and as in Slack not at all with `alt_txt`."""
    state, uploaded, channels = request.state, _uploaded(request), _destinations(request)
    comment, thread_ts = request.text("initial_comment"), request.text("thread_ts")
    blocks = None if comment else request.blocks()
    has_alt_text, files = False, []
    for each in uploaded:
        upload = state.uploads.pop(each["id"])
        has_alt_text = has_alt_text or bool(upload.alt_text)
        file = file_actions.create(
            request.context,
            state.bot.id,
            upload.name,
            upload.data or b"",
            file_id=each["id"],
            title=str(each.get("title") or ""),
        )
        files.append(file_json(state, file))
    if channels and not has_alt_text:
        to = Destination(channels, comment, blocks, thread_ts)
        file_actions.share_later(request.context, [each["id"] for each in uploaded], to)
    return {"files": files}


def delete(request: ApiRequest) -> Json:
    file = request.file()
    if file.owner != request.state.bot.id:
        raise ApiError("cant_delete_file")
    file_actions.delete(request.context, file.id)
    return {}


METHODS = {
    "files.info": Method(info, ("files:read",), ("file",)),
    "files.list": Method(list_files, ("files:read",)),
    "files.getUploadURLExternal": Method(start_upload, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",), ("files",)),
    "files.delete": Method(delete, ("files:write",), ("file",)),
}
