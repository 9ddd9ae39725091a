"""One call of the Web API: access to its arguments as the SDKs send them, and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.limits import Checker, too_long
from bot.demo.slack_server.state import Conversation, Json, Message, SlackFile, State

FAMILIES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class ApiError(Exception):
    """A call that fails with `{"ok": false, "error": ...}` and further fields."""

    def __init__(self, error: str, *messages: str, **more: str) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error} | more
        if messages:
            self.body["response_metadata"] = {"messages": list(messages)}


@dataclass
class ApiRequest:
    """The arguments of one call. The lookups raise ApiError with Slack's error code."""

    context: Context
    arguments: Json

    @property
    def state(self) -> State:
        return self.context.state

    # ------------------------------------------------------------ arguments

    def text(self, name: str) -> str:
        """Return an argument as text; empty if it is missing. Timestamps may arrive as JSON numbers."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name).lower()
        return value in ("1", "true") if value else default

    def number(self, name: str, default: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.isdigit():
            raise ApiError("invalid_arguments", f"[ERROR] must be an integer [json-pointer:/{name}]")
        return int(value)

    def items(self, name: str) -> list[str]:
        value = self.json(name) if self.text(name).startswith("[") else self.arguments.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def json(self, name: str) -> Any:
        """Return a structure, sent as such or as a JSON string, or None if it is missing."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except json.JSONDecodeError as error:
            raise ApiError(f"invalid_{name}_format" if name in ("blocks", "metadata") else "invalid_json") from error

    # ------------------------------------------------------------ lookups

    def require_scope(self, *scopes: str) -> None:
        """Raise ApiError unless the app has at least one of these scopes."""
        if scopes and not any(scope in self.state.scopes for scope in scopes):
            provided = ",".join(sorted(self.state.scopes))
            raise ApiError("missing_scope", needed=scopes[0], provided=provided)

    def conversation(self, name: str = "channel", right: str = "") -> Conversation:
        """Return a conversation the bot can see. `right` ("read" or "history") also requires the scope of its kind."""
        conversation = self.state.conversations.get(self.text(name))
        if conversation is None or (conversation.kind != "channel" and not self.state.has_bot(conversation)):
            raise ApiError("channel_not_found")
        if right:
            self.require_scope(f"{FAMILIES[conversation.kind]}:{right}")
        return conversation

    def joined_conversation(self, name: str = "channel", right: str = "") -> Conversation:
        """Return a conversation the bot is a member of."""
        conversation = self.conversation(name, right)
        if not self.state.has_bot(conversation):
            raise ApiError("not_in_channel")
        return conversation

    def message(self, conversation: Conversation, name: str = "ts") -> Message:
        for message in conversation.messages:
            if message.ts == self.text(name):
                return message
        raise ApiError("message_not_found")

    def file(self, name: str = "file") -> SlackFile:
        file = self.state.files.get(self.text(name))
        if file is None or not (self.state.is_visible_to_bot(file) or file.deleted):
            raise ApiError("file_not_found")
        if file.deleted:
            raise ApiError("file_deleted")
        return file

    def blocks(self) -> list[Json] | None:
        """Return the blocks after checking them as Slack does, or None if there are none."""
        blocks = self.json("blocks")
        if blocks is None:
            return None
        checker = Checker(self.state)
        checker.blocks(blocks)
        if checker.errors:
            raise ApiError("invalid_blocks", *checker.errors)
        if too_long(blocks):
            raise ApiError("msg_blocks_too_long")
        return list(blocks)

    def metadata(self) -> Json | None:
        metadata = self.json("metadata")
        if metadata is None or metadata == {}:
            return None if metadata is None else {}
        if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
            raise ApiError("invalid_metadata_format")
        return metadata


@dataclass(frozen=True)
class Method:
    handler: Callable[[ApiRequest], Json]
    scopes: tuple[str, ...] = ()
    """One of these is required. `handler` checks scopes that depend on the conversation."""
    required: tuple[str, ...] = ()
    app_level: bool = False
    """Called with the app's token instead of the bot's."""
