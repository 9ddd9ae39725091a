"""The methods chat.* and reactions.*."""

from __future__ import annotations

import re

from bot.demo.slack_server import actions
from bot.demo.slack_server.actions import NewMessage
from bot.demo.slack_server.limits import MAX_MARKDOWN, MAX_TEXT, MAX_UPDATED
from bot.demo.slack_server.links import message_link
from bot.demo.slack_server.payloads import message_json, reactions_json
from bot.demo.slack_server.request import ApiError, ApiRequest, Method
from bot.demo.slack_server.state import Conversation, Json, Message

TS = re.compile(r"^\d{10}\.\d{6}$")


def _target(request: ApiRequest) -> Conversation:
    """Return the conversation to post to. A person's id stands for the direct conversation with them."""
    if request.text("channel") in request.state.people:
        request.arguments["channel"] = actions.open_direct(request.context, [request.text("channel")])
    conversation = request.joined_conversation()
    if conversation.archived:
        raise ApiError("is_archived")
    return conversation


def _new_message(request: ApiRequest) -> NewMessage:
    text, blocks, markdown = request.text("text"), request.blocks(), request.text("markdown_text")
    if markdown:
        if text or blocks:
            raise ApiError("markdown_text_conflict")
        if len(markdown) > MAX_MARKDOWN:
            raise ApiError("msg_too_long")
        # Slack converts Markdown to rich text. The demo keeps it as a block.
        text, blocks = markdown, [{"type": "markdown", "text": markdown}]
    if not text and not blocks and not request.arguments.get("attachments"):
        raise ApiError("no_text")
    return NewMessage(text[:MAX_TEXT], blocks or [], metadata=request.metadata() or {})


def _thread(request: ApiRequest, conversation: Conversation) -> str:
    """Return the thread to post in. If its first message is gone, Slack silently posts to the channel."""
    ts = request.text("thread_ts")
    if ts and not TS.match(ts):
        raise ApiError("invalid_thread_ts", f"[ERROR] {ts} is not a valid thread_ts")
    return ts if any(message.ts == ts for message in conversation.messages) else ""


def post_message(request: ApiRequest) -> Json:
    conversation, draft = _target(request), _new_message(request)
    draft.thread_ts = _thread(request, conversation)
    draft.broadcast = request.flag("reply_broadcast")
    message = actions.post(request.context, request.state.bot.id, conversation.id, draft)
    posted = message_json(request.state, message, metadata=True)
    return {"channel": conversation.id, "ts": message.ts, "message": posted}


def update(request: ApiRequest) -> Json:
    conversation = request.joined_conversation()
    message = request.message(conversation)
    if message.user != request.state.bot.id or message.subtype == "tombstone":
        raise ApiError("cant_update_message")
    if request.state.is_streaming(message):
        raise ApiError("streaming_state_conflict")
    text: str | None = request.text("text") if "text" in request.arguments else None
    blocks = request.blocks()
    if "markdown_text" in request.arguments:
        draft = _new_message(request)
        text, blocks = draft.text, draft.blocks
    if text is not None and len(text) > MAX_UPDATED:
        raise ApiError("msg_too_long")
    files = request.items("file_ids") if "file_ids" in request.arguments else None
    if not text and not blocks and not files and "attachments" not in request.arguments:
        raise ApiError("no_text")
    for each in files or []:
        if each not in request.state.files:
            raise ApiError("file_not_found")
    actions.edit(
        request.context, conversation.id, message.ts, text=text, blocks=blocks, files=files, metadata=request.metadata()
    )
    updated = message_json(request.state, message, metadata=True)
    return {"channel": conversation.id, "ts": message.ts, "text": message.text, "message": updated}


def delete(request: ApiRequest) -> Json:
    conversation = request.joined_conversation()
    message = request.message(conversation)
    if message.user != request.state.bot.id:
        raise ApiError("cant_delete_message")
    actions.delete(request.context, conversation.id, message.ts)
    return {"channel": conversation.id, "ts": message.ts}


def post_ephemeral(request: ApiRequest) -> Json:
    conversation, draft = request.joined_conversation(), _new_message(request)
    if request.text("user") not in conversation.members:
        raise ApiError("user_not_in_channel")
    draft.thread_ts = request.text("thread_ts")
    return {"message_ts": actions.post_ephemeral(request.context, conversation.id, request.text("user"), draft).ts}


def permalink(request: ApiRequest) -> Json:
    conversation = request.conversation()
    request.arguments["ts"] = request.text("message_ts")
    message = request.message(conversation)
    link = message_link(request.state, conversation.id, message.ts, message.thread_ts)
    return {"channel": conversation.id, "permalink": link}


# ---------------------------------------------------------------- reactions


def _reaction_target(request: ApiRequest) -> tuple[Conversation, Message]:
    conversation = request.joined_conversation()
    return conversation, request.message(conversation, "timestamp")


def _reaction_name(request: ApiRequest) -> str:
    name = request.text("name")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise ApiError("invalid_name")
    return name


def add_reaction(request: ApiRequest) -> Json:
    name, (conversation, message) = _reaction_name(request), _reaction_target(request)
    if not actions.react(request.context, request.state.bot.id, conversation.id, message.ts, name):
        raise ApiError("already_reacted")
    return {}


def remove_reaction(request: ApiRequest) -> Json:
    name, (conversation, message) = _reaction_name(request), _reaction_target(request)
    if not actions.unreact(request.context, request.state.bot.id, conversation.id, message.ts, name):
        raise ApiError("no_reaction")
    return {}


def get_reactions(request: ApiRequest) -> Json:
    conversation, message = _reaction_target(request)
    found = message_json(request.state, message) | {"reactions": reactions_json(message)}
    return {"type": "message", "channel": conversation.id, "message": found}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",), ("channel",)),
    "chat.update": Method(update, ("chat:write",), ("channel", "ts")),
    "chat.delete": Method(delete, ("chat:write",), ("channel", "ts")),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",), ("channel", "user")),
    "chat.getPermalink": Method(permalink, (), ("channel", "message_ts")),
    "reactions.add": Method(add_reaction, ("reactions:write",), ("channel", "name", "timestamp")),
    "reactions.remove": Method(remove_reaction, ("reactions:write",), ("channel", "name", "timestamp")),
    "reactions.get": Method(get_reactions, ("reactions:read",), ("channel", "timestamp")),
}
