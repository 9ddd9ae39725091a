"""One call of the Web API: its arguments as the SDKs send them, and the ways in which it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.demo.slack_server.actions import Stage
from bot.demo.slack_server.limits import Checker, too_long
from bot.demo.slack_server.state import Json, Message, SlackFile, Space, World

FAMILIES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


class Refusal(Exception):
    """`{"ok": false, "error": ...}` and whatever Slack tells beside it."""

    def __init__(self, error: str, *messages: str, **more: str) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error} | more
        if messages:
            self.body["response_metadata"] = {"messages": list(messages)}


@dataclass
class Asked:
    stage: Stage
    arguments: Json

    @property
    def world(self) -> World:
        return self.stage.world

    # ------------------------------------------------------------ arguments

    def text(self, name: str) -> str:
        """A missing argument is an empty one. Floats come as JSON numbers: Slack reads them as text."""
        value = self.arguments.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str, otherwise: bool = False) -> bool:
        value = self.text(name).lower()
        return value in ("1", "true") if value else otherwise

    def number(self, name: str, otherwise: int) -> int:
        value = self.text(name)
        if not value:
            return otherwise
        if not value.isdigit():
            raise Refusal("invalid_arguments", f"[ERROR] must be an integer [json-pointer:/{name}]")
        return int(value)

    def listed(self, name: str) -> list[str]:
        value = self.json(name) if self.text(name).startswith("[") else self.arguments.get(name)
        parts = value if isinstance(value, list) else str(value or "").split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def json(self, name: str) -> Any:
        """A structure, sent as such or as a string of JSON; None when absent."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except json.JSONDecodeError as error:
            raise Refusal(f"invalid_{name}_format" if name in ("blocks", "metadata") else "invalid_json") from error

    # ------------------------------------------------------------ what they name

    def may(self, *scopes: str) -> None:
        """Any one of these scopes is enough."""
        if scopes and not any(scope in self.world.scopes for scope in scopes):
            provided = ",".join(sorted(self.world.scopes))
            raise Refusal("missing_scope", needed=scopes[0], provided=provided)

    def space(self, name: str = "channel", right: str = "") -> Space:
        """A conversation the bot may know of. `right`: "read" or "history", whose scope its kind needs."""
        space = self.world.spaces.get(self.text(name))
        if space is None or (space.kind != "channel" and not self.world.bot_in(space)):
            raise Refusal("channel_not_found")
        if right:
            self.may(f"{FAMILIES[space.kind]}:{right}")
        return space

    def joined(self, name: str = "channel", right: str = "") -> Space:
        """A conversation the bot is in."""
        space = self.space(name, right)
        if not self.world.bot_in(space):
            raise Refusal("not_in_channel")
        return space

    def message(self, space: Space, name: str = "ts") -> Message:
        for message in space.messages:
            if message.ts == self.text(name):
                return message
        raise Refusal("message_not_found")

    def file(self, name: str = "file") -> SlackFile:
        file = self.world.files.get(self.text(name))
        if file is None or not (self.world.bot_sees(file) or file.deleted):
            raise Refusal("file_not_found")
        if file.deleted:
            raise Refusal("file_deleted")
        return file

    def blocks(self) -> list[Json] | None:
        """Checked as Slack checks them; None when none were sent."""
        blocks = self.json("blocks")
        if blocks is None:
            return None
        checker = Checker(self.world)
        checker.blocks(blocks)
        if checker.errors:
            raise Refusal("invalid_blocks", *checker.errors)
        if too_long(blocks):
            raise Refusal("msg_blocks_too_long")
        return list(blocks)

    def metadata(self) -> Json | None:
        metadata = self.json("metadata")
        if metadata is None or metadata == {}:
            return None if metadata is None else {}
        if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
            raise Refusal("invalid_metadata_format")
        return metadata


@dataclass(frozen=True)
class Method:
    act: Callable[[Asked], Json]
    scopes: tuple[str, ...] = ()
    """Any of these; scopes that depend on the conversation are looked at in `act`."""
    required: tuple[str, ...] = ()
    app_level: bool = False
    """Called with the app's token, not the bot's."""
