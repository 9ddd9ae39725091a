"""The methods chat.startStream, appendStream and stopStream: a message that is written piece by piece."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from bot.demo.slack_server import actions
from bot.demo.slack_server.actions import NewMessage
from bot.demo.slack_server.limits import MAX_MARKDOWN, Checker
from bot.demo.slack_server.methods_agents import SESSION_STATUSES
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Json, Message, Session, Stream, Task

CHUNKS = {
    "markdown_text": {"text"},
    "task_update": {"id", "title", "status", "details", "output", "sources"},
    "plan_update": {"title"},
    "blocks": {"blocks"},
}
"""The fields of each type of chunk."""
REQUIRED = {"task_update": {"id", "title", "status"}}
STATUSES = {"pending", "in_progress", "complete", "error"}
DISPLAY_MODES = {"", "timeline", "plan", "dense"}


class Added(NamedTuple):
    """What a call adds. `mode`: "markdown_text" or "chunks"; empty if it adds nothing."""

    mode: str
    text: str
    tasks: tuple[Json, ...] = ()


def _added(request: ApiRequest) -> Added:
    markdown, chunks = request.text("markdown_text"), request.json("chunks")
    if markdown and chunks:
        raise ApiError("cannot_provide_both_markdown_text_and_chunks")
    if len(markdown) > MAX_MARKDOWN:
        raise ApiError("msg_too_long")
    if not chunks:
        return Added("markdown_text" if markdown else "", markdown)
    if not isinstance(chunks, list):
        raise ApiError("invalid_chunks")
    for number, each in enumerate(chunks):
        _check_chunk(request, each, f"/chunks/{number}")
    text = "".join(each["text"] for each in chunks if each["type"] == "markdown_text")
    if len(text) > MAX_MARKDOWN:
        raise ApiError("msg_too_long")
    return Added("chunks", text, tuple(each for each in chunks if each["type"] == "task_update"))


def _check_chunk(request: ApiRequest, chunk: Any, at: str) -> None:
    kind = chunk.get("type") if isinstance(chunk, dict) else None
    if kind not in CHUNKS:
        raise ApiError("invalid_chunks", f"[ERROR] unsupported type: {kind} [json-pointer:{at}/type]")
    for name in sorted(chunk.keys() - CHUNKS[kind] - {"type"}):
        raise ApiError("invalid_chunks", f"[ERROR] invalid additional property: {name} [json-pointer:{at}]")
    for name in sorted(REQUIRED.get(kind, CHUNKS[kind]) - chunk.keys()):
        raise ApiError("invalid_chunks", f"[ERROR] missing required field: {name} [json-pointer:{at}]")
    if kind == "blocks":
        checker = Checker(request.state)
        checker.blocks(chunk["blocks"])
        if checker.errors:
            raise ApiError("invalid_blocks", *checker.errors)
        return
    for name in chunk.keys() - {"type", "sources"}:
        if not isinstance(chunk[name], str) or not chunk[name]:
            raise ApiError("invalid_chunks", f"[ERROR] must be a string [json-pointer:{at}/{name}]")
    if kind == "task_update" and chunk["status"] not in STATUSES:
        raise ApiError("invalid_chunks", f"[ERROR] must be a valid enum value [json-pointer:{at}/status]")


def start(request: ApiRequest) -> Json:
    """Begin a message. For an app that is an agent, this sets the session of the thread to processing."""
    state, conversation = request.state, request.joined_conversation()
    added, thread = _added(request), request.text("thread_ts")
    if conversation.kind != "im":
        for name in ("recipient_team_id", "recipient_user_id"):
            if not request.text(name):
                raise ApiError(f"missing_{name}")
        if request.text("recipient_user_id") not in state.people:
            raise ApiError("user_not_found")
    if request.text("task_display_mode") not in DISPLAY_MODES:
        raise ApiError("invalid_arguments", "[ERROR] must be a valid enum value [json-pointer:/task_display_mode]")
    thread_exists = any(message.ts == thread for message in conversation.messages)
    message = actions.post(
        request.context,
        state.bot.id,
        conversation.id,
        NewMessage(added.text, thread_ts=thread if thread_exists else ""),
    )
    _set_tasks(message, added)
    state.streams[conversation.id, message.ts] = Stream(added.mode, time.monotonic())
    if state.app_config.is_agent and thread_exists:
        state.sessions.setdefault((conversation.id, thread), Session("processing")).status = "processing"
    return {"channel": conversation.id, "ts": message.ts}


def _open_stream(request: ApiRequest) -> tuple[Message, Stream]:
    conversation = request.joined_conversation()
    message = request.message(conversation)
    if message.user != request.state.bot.id:
        raise ApiError("message_not_owned_by_app")
    stream = request.state.streams.get((conversation.id, message.ts))
    if stream is not None and stream.stopped_by_user:
        raise ApiError("stopped_by_user")
    if stream is None or not request.state.is_streaming(message):
        raise ApiError("message_not_in_streaming_state")
    return message, stream


def _append(request: ApiRequest, message: Message, stream: Stream) -> None:
    added = _added(request)
    if added.mode and stream.mode and added.mode != stream.mode:
        raise ApiError("streaming_mode_mismatch")
    stream.mode = stream.mode or added.mode
    message.text += added.text
    _set_tasks(message, added)


def _set_tasks(message: Message, added: Added) -> None:
    for each in added.tasks:
        before = message.tasks.get(each["id"], Task("", ""))
        message.tasks[each["id"]] = Task(each["title"], each["status"], each.get("details", before.details))


def append(request: ApiRequest) -> Json:
    message, stream = _open_stream(request)
    if not request.text("markdown_text") and not request.arguments.get("chunks"):
        raise ApiError("no_text")
    _append(request, message, stream)
    return {"channel": message.channel, "ts": message.ts}


def stop(request: ApiRequest) -> Json:
    """End a message. An agent's session gets the status `session_status`, else active."""
    message, stream = _open_stream(request)
    blocks, metadata = request.blocks(), request.metadata()
    status = request.text("session_status") or "active"
    if status not in SESSION_STATUSES:
        raise ApiError("invalid_arguments", "[ERROR] must be a valid enum value [json-pointer:/session_status]")
    _append(request, message, stream)
    if not message.text and not blocks and not message.tasks:
        raise ApiError("no_text")
    del request.state.streams[message.channel, message.ts]
    session = request.state.sessions.get((message.channel, message.thread_ts))
    if session is not None:
        session.status = status
    actions.edit(request.context, message.channel, message.ts, blocks=blocks or [], metadata=metadata)
    stopped = message_json(request.state, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": stopped}


METHODS = {
    "chat.startStream": Method(start, ("chat:write",), ("channel", "thread_ts")),
    "chat.appendStream": Method(append, ("chat:write",), ("channel", "ts")),
    "chat.stopStream": Method(stop, ("chat:write",), ("channel", "ts")),
}
