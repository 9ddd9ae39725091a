"""The methods chat.startStream, appendStream and stopStream: a message that is written piece by piece."""

from __future__ import annotations

import time

from bot.demo.slack_server import actions
from bot.demo.slack_server.actions import NewMessage
from bot.demo.slack_server.limits import MAX_MARKDOWN
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Json, Message, Stream

CHUNKS = {"markdown_text", "task_update", "plan_update", "blocks"}
STATUSES = {"pending", "in_progress", "complete", "error"}


def _added_text(request: ApiRequest) -> tuple[str, str]:
    """Return (mode, text) of this call. The mode is empty if no text was sent."""
    markdown, chunks = request.text("markdown_text"), request.json("chunks")
    if markdown and chunks:
        raise ApiError("cannot_provide_both_markdown_text_and_chunks")
    if len(markdown) > MAX_MARKDOWN:
        raise ApiError("msg_too_long")
    if not chunks:
        return ("markdown_text" if markdown else ""), markdown
    if not isinstance(chunks, list) or not all(
        isinstance(each, dict) and each.get("type") in CHUNKS for each in chunks
    ):
        raise ApiError("invalid_chunks")
    for each in chunks:
        if each["type"] == "task_update" and each.get("status") not in STATUSES:
            raise ApiError("invalid_chunks")
    return "chunks", "".join(str(each.get("text", "")) for each in chunks if each["type"] == "markdown_text")


def start(request: ApiRequest) -> Json:
    state, conversation = request.state, request.joined_conversation()
    mode, text = _added_text(request)
    if conversation.kind != "im":
        for name in ("recipient_team_id", "recipient_user_id"):
            if not request.text(name):
                raise ApiError(f"missing_{name}")
        if request.text("recipient_user_id") not in state.people:
            raise ApiError("user_not_found")
    thread_exists = any(message.ts == request.text("thread_ts") for message in conversation.messages)
    draft = NewMessage(text, thread_ts=request.text("thread_ts") if thread_exists else "")
    message = actions.post(request.context, state.bot.id, conversation.id, draft)
    state.streams[conversation.id, message.ts] = Stream(mode, time.monotonic())
    return {"channel": conversation.id, "ts": message.ts}


def _open_stream(request: ApiRequest) -> tuple[Message, Stream]:
    conversation = request.joined_conversation()
    message = request.message(conversation)
    if message.user != request.state.bot.id:
        raise ApiError("message_not_owned_by_app")
    if not request.state.is_streaming(message):
        raise ApiError("message_not_in_streaming_state")
    return message, request.state.streams[conversation.id, message.ts]


def _append(request: ApiRequest, message: Message, stream: Stream) -> None:
    mode, text = _added_text(request)
    if mode and stream.mode and mode != stream.mode:
        raise ApiError("streaming_mode_mismatch")
    stream.mode = stream.mode or mode
    message.text += text


def append(request: ApiRequest) -> Json:
    message, stream = _open_stream(request)
    if not request.text("markdown_text") and not request.arguments.get("chunks"):
        raise ApiError("no_text")
    _append(request, message, stream)
    return {"channel": message.channel, "ts": message.ts}


def stop(request: ApiRequest) -> Json:
    message, stream = _open_stream(request)
    blocks, metadata = request.blocks(), request.metadata()
    _append(request, message, stream)
    if not message.text and not blocks:
        raise ApiError("no_text")
    del request.state.streams[message.channel, message.ts]
    actions.edit(request.context, message.channel, message.ts, blocks=blocks or [], metadata=metadata)
    stopped = message_json(request.state, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": stopped}


METHODS = {
    "chat.startStream": Method(start, ("chat:write",), ("channel", "thread_ts")),
    "chat.appendStream": Method(append, ("chat:write",), ("channel", "ts")),
    "chat.stopStream": Method(stop, ("chat:write",), ("channel", "ts")),
}
