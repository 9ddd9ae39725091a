"""chat.startStream, appendStream, stopStream: an answer that grows, for a few minutes at most."""

from __future__ import annotations

import time

from bot.demo.slack_server import actions
from bot.demo.slack_server.actions import Draft
from bot.demo.slack_server.limits import MOST_MARKDOWN
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.request import Asked, Method, Refusal
from bot.demo.slack_server.state import Json, Message, Stream

CHUNKS = {"markdown_text", "task_update", "plan_update", "blocks"}
STATUSES = {"pending", "in_progress", "complete", "error"}


def _said(asked: Asked) -> tuple[str, str]:
    """(mode, text): what this call adds. An empty mode: nothing was sent."""
    markdown, chunks = asked.text("markdown_text"), asked.json("chunks")
    if markdown and chunks:
        raise Refusal("cannot_provide_both_markdown_text_and_chunks")
    if len(markdown) > MOST_MARKDOWN:
        raise Refusal("msg_too_long")
    if not chunks:
        return ("markdown_text" if markdown else ""), markdown
    if not isinstance(chunks, list) or not all(
        isinstance(each, dict) and each.get("type") in CHUNKS for each in chunks
    ):
        raise Refusal("invalid_chunks")
    for each in chunks:
        if each["type"] == "task_update" and each.get("status") not in STATUSES:
            raise Refusal("invalid_chunks")
    return "chunks", "".join(str(each.get("text", "")) for each in chunks if each["type"] == "markdown_text")


def start(asked: Asked) -> Json:
    world, space = asked.world, asked.joined()
    mode, text = _said(asked)
    if space.kind != "im":
        for name in ("recipient_team_id", "recipient_user_id"):
            if not asked.text(name):
                raise Refusal(f"missing_{name}")
        if asked.text("recipient_user_id") not in world.people:
            raise Refusal("user_not_found")
    known = any(message.ts == asked.text("thread_ts") for message in space.messages)
    draft = Draft(text, thread_ts=asked.text("thread_ts") if known else "")
    message = actions.post(asked.stage, world.bot.id, space.id, draft)
    world.streams[space.id, message.ts] = Stream(mode, time.monotonic())
    return {"channel": space.id, "ts": message.ts}


def _streaming(asked: Asked) -> tuple[Message, Stream]:
    space = asked.joined()
    message = asked.message(space)
    if message.user != asked.world.bot.id:
        raise Refusal("message_not_owned_by_app")
    if not asked.world.streaming(message):
        raise Refusal("message_not_in_streaming_state")
    return message, asked.world.streams[space.id, message.ts]


def _grow(asked: Asked, message: Message, stream: Stream) -> None:
    mode, text = _said(asked)
    if mode and stream.mode and mode != stream.mode:
        raise Refusal("streaming_mode_mismatch")
    stream.mode = stream.mode or mode
    message.text += text


def append(asked: Asked) -> Json:
    message, stream = _streaming(asked)
    if not asked.text("markdown_text") and not asked.arguments.get("chunks"):
        raise Refusal("no_text")
    _grow(asked, message, stream)
    return {"channel": message.channel, "ts": message.ts}


def stop(asked: Asked) -> Json:
    message, stream = _streaming(asked)
    blocks, metadata = asked.blocks(), asked.metadata()
    _grow(asked, message, stream)
    if not message.text and not blocks:
        raise Refusal("no_text")
    del asked.world.streams[message.channel, message.ts]
    actions.edit(asked.stage, message.channel, message.ts, blocks=blocks or [], metadata=metadata)
    told = message_json(asked.world, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "message": told}


METHODS = {
    "chat.startStream": Method(start, ("chat:write",), ("channel", "thread_ts")),
    "chat.appendStream": Method(append, ("chat:write",), ("channel", "ts")),
    "chat.stopStream": Method(stop, ("chat:write",), ("channel", "ts")),
}
