"""Slack's limits on blocks and texts, with its error messages and JSON pointers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bot.demo.slack_server.input_limits import check_input
from bot.demo.slack_server.rich_text_limits import check_rich_text, check_table, texts
from bot.demo.slack_server.state import Json, State

MAX_BLOCKS, MAX_BLOCKS_IN_VIEW = 50, 100
MAX_TEXT, MAX_UPDATED, MAX_MARKDOWN = 40_000, 4_000, 12_000
MAX_IN_BLOCKS = 13_200
"""Limit for all texts in the blocks of a message together. Not documented; measured by other developers."""
FILE_ID = re.compile(r"^F[A-Z0-9]{8,}$")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif")

COMMON = {"type", "block_id"}
FIELDS: dict[str, set[str]] = {
    "section": {"text", "fields", "accessory", "expand"},
    "header": {"text", "level"},
    "divider": set(),
    "context": {"elements"},
    "actions": {"elements"},
    "context_actions": {"elements"},
    "image": {"image_url", "slack_file", "alt_text", "title"},
    "markdown": {"text"},
    "rich_text": {"elements"},
    "table": {"rows", "column_settings"},
    "container": set(
        "title rich_text_title subtitle child_blocks width icon is_collapsible default_collapsed "
        "has_header_divider".split()
    ),
    "card": {"icon", "title", "subtitle", "hero_image", "body", "actions"},
    "carousel": {"elements"},
    "input": {"label", "element", "dispatch_action", "hint", "optional"},
}
UNCHECKED = {"video", "file", "alert", "plan", "task_card"}
ONLY_IN_MESSAGES = {"markdown", "context_actions", "table"}
MAX_CHILDREN = 10
"""Blocks in a container, or cards in a carousel."""
CHILDREN = set("actions context divider header image section table video".split())
"""Blocks in a container: those that the documentation and Slack's own validator both accept. Unconfirmed: rich_text."""
WIDTHS = {"narrow", "standard", "wide", "full"}
BUTTON = set("type action_id text url value style confirm accessibility_label".split())
MAX_OPTIONS = 100
MAX_ELEMENTS = {"actions": 25, "context": 10, "context_actions": 5}


class Checker:
    """Collect errors like `[ERROR] must be a string [json-pointer:/blocks/0/...]` for a list of blocks."""

    def __init__(self, state: State, in_view: bool = False) -> None:
        self._state, self._in_view = state, in_view
        self.errors: list[str] = []

    def blocks(self, blocks: Any) -> None:
        limit = MAX_BLOCKS_IN_VIEW if self._in_view else MAX_BLOCKS
        if not isinstance(blocks, list):
            self._error("must be an array", "/blocks")
            return
        if len(blocks) > limit:
            self._error(f"no more than {limit} items allowed", "/blocks")
        ids: set[str] = set()
        for number, block in enumerate(blocks):
            at = f"/blocks/{number}"
            if not isinstance(block, dict):
                self._error("must be an object", at)
                continue
            self._block(block, at)
            block_id = block.get("block_id")
            if block_id is not None:
                self._string(block_id, f"{at}/block_id", 255)
                if str(block_id) in ids:
                    self._error(f"`block_id` {block_id} already exists", f"{at}/block_id")
                ids.add(str(block_id))
        if sum(_type(each) == "table" for each in _with_children(blocks)) > 1:  # as other developers report
            self._error("only one table is allowed", "/blocks")
        markdown = sum(len(str(each.get("text", ""))) for each in blocks if _type(each) == "markdown")
        if markdown > MAX_MARKDOWN:
            self._error(f"markdown text must be less than {MAX_MARKDOWN + 1} characters in total", "/blocks")

    def _block(self, block: Json, at: str) -> None:
        kind = str(block.get("type", ""))
        if kind in UNCHECKED:
            return
        if kind not in FIELDS or (self._in_view and kind in ONLY_IN_MESSAGES):
            self._error(f"unsupported type: {kind}", f"{at}/type")
            return
        self._check_properties(block, COMMON | FIELDS[kind], at)
        checks: dict[str, Callable[[Json, str], None]] = {
            "section": self._section,
            "header": lambda block, at: self._text(block.get("text"), f"{at}/text", 150, plain=True),
            "image": self._image,
            "markdown": lambda block, at: self._string(block.get("text"), f"{at}/text", MAX_MARKDOWN),
            "context": self._elements,
            "actions": self._elements,
            "context_actions": self._elements,
            "rich_text": lambda block, at: check_rich_text(block, at, self._error),
            "table": lambda block, at: check_table(block, at, self._error),
            "container": self._container,
            "card": self._card,
            "carousel": lambda block, at: self._children(block, "elements", {"card"}, at),
            "input": lambda block, at: check_input(block, at, self._error),
        }
        if kind in checks:
            checks[kind](block, at)

    def _section(self, block: Json, at: str) -> None:
        if "text" not in block and "fields" not in block:
            self._error("missing required field: text", at)
        if "text" in block:
            self._text(block["text"], f"{at}/text", 3000)
        fields = block.get("fields", [])
        if len(fields) > 10:
            self._error("no more than 10 items allowed", f"{at}/fields")
        for number, each in enumerate(fields):
            self._text(each, f"{at}/fields/{number}", 2000)
        if "accessory" in block:
            self._element(block["accessory"], f"{at}/accessory")

    def _elements(self, block: Json, at: str) -> None:
        elements, limit = block.get("elements"), MAX_ELEMENTS[block["type"]]
        if not isinstance(elements, list) or not elements:
            self._error("must have at least 1 item", f"{at}/elements")
            return
        if len(elements) > limit:
            self._error(f"no more than {limit} items allowed", f"{at}/elements")
        action_ids: set[str] = set()
        for number, each in enumerate(elements):
            place = f"{at}/elements/{number}"
            if block["type"] == "context" and _type(each) in ("mrkdwn", "plain_text"):
                self._text(each, place, 3000)
                continue
            self._element(each, place)
            action_id = each.get("action_id") if isinstance(each, dict) else None
            if action_id is not None and action_id in action_ids:
                self._error(f"`action_id` {action_id} already exists", f"{place}/action_id")
            action_ids.add(str(action_id))

    def _element(self, element: Any, at: str) -> None:
        if not isinstance(element, dict):
            self._error("must be an object", at)
            return
        if "action_id" in element:
            self._string(element["action_id"], f"{at}/action_id", 255)
        if element.get("type") == "image":
            self._image(element, at)
        elif element.get("type") == "button":
            self._check_properties(element, BUTTON, at)
            self._button(element, at)
        elif element.get("type") == "static_select":
            self._select(element, at)
        elif element.get("type") == "feedback_buttons":
            for side in ("positive_button", "negative_button"):
                self._button(element.get(side), f"{at}/{side}")

    def _button(self, button: Any, at: str) -> None:
        if not isinstance(button, dict):
            self._error("must be an object", at)
            return
        self._text(button.get("text"), f"{at}/text", 75, plain=True)
        if "value" in button:
            self._string(button["value"], f"{at}/value", 2000)
        if "url" in button:
            self._string(button["url"], f"{at}/url", 3000)

    def _select(self, element: Json, at: str) -> None:
        options = element.get("options")
        if "placeholder" in element:
            self._text(element["placeholder"], f"{at}/placeholder", 150, plain=True)
        if not isinstance(options, list) or not 1 <= len(options) <= MAX_OPTIONS:
            self._error(f"must have 1 to {MAX_OPTIONS} items", f"{at}/options")
            return
        for number, each in enumerate(options):
            place = f"{at}/options/{number}"
            if not isinstance(each, dict):
                self._error("must be an object", place)
                continue
            self._text(each.get("text"), f"{place}/text", 75, plain=True)
            self._string(each.get("value"), f"{place}/value", 150)

    def _image(self, block: Json, at: str) -> None:
        self._string(block.get("alt_text"), f"{at}/alt_text", 2000)
        if "title" in block:
            self._text(block["title"], f"{at}/title", 2000, plain=True)
        if ("image_url" in block) == ("slack_file" in block):
            self._error("must have exactly one of image_url and slack_file", at)
        elif "image_url" in block:
            self._string(block["image_url"], f"{at}/image_url", 3000)
        elif not self._is_visible_image(block["slack_file"]):
            self._error("invalid slack file", f"{at}/slack_file")

    def _is_visible_image(self, given: Any) -> bool:
        """Return whether this names an image that the bot can see and that Slack has scanned."""
        if not isinstance(given, dict) or ("id" in given) == ("url" in given):
            return False
        for file in self._state.files.values():
            links = (f"/files-pri/{self._state.team}-{file.id}/", f"/{file.id}/")
            matches = given.get("id") == file.id or any(link in str(given.get("url", "")) for link in links)
            if matches:
                is_ready = self._state.is_visible_to_bot(file) and not self._state.is_fresh(file)
                return is_ready and file.mimetype in IMAGE_TYPES and FILE_ID.match(file.id) is not None
        return False

    def _container(self, block: Json, at: str) -> None:
        if "title" not in block and "rich_text_title" not in block:
            self._error("missing required field: title", at)
        for name, plain in (("title", True), ("subtitle", False)):
            if name in block:
                self._text(block[name], f"{at}/{name}", 150, plain=plain)
        if block.get("width", "standard") not in WIDTHS:
            self._error("must be a valid enum value", f"{at}/width")
        for name in ("is_collapsible", "default_collapsed", "has_header_divider"):
            if not isinstance(block.get(name, False), bool):
                self._error("must be a boolean", f"{at}/{name}")
        if block.get("default_collapsed") and not block.get("is_collapsible"):
            self._error("is_collapsible must be true", f"{at}/default_collapsed")
        self._children(block, "child_blocks", CHILDREN, at)

    def _card(self, block: Json, at: str) -> None:
        if not any(name in block for name in ("hero_image", "title", "actions", "body")):
            self._error("must have at least one of hero_image, title, actions and body", at)
        for name, limit in (("title", 150), ("subtitle", 150), ("body", 200)):
            if name in block:
                self._text(block[name], f"{at}/{name}", limit)
        for name in ("icon", "hero_image"):
            if name in block:
                self._element(block[name], f"{at}/{name}")
        for number, each in enumerate(block.get("actions", [])):
            self._element(each, f"{at}/actions/{number}")

    def _children(self, block: Json, name: str, types: set[str], at: str) -> None:
        """Check the list of blocks inside of a block."""
        children = block.get(name)
        if not isinstance(children, list) or not 1 <= len(children) <= MAX_CHILDREN:
            self._error(f"must have 1 to {MAX_CHILDREN} items", f"{at}/{name}")
            return
        for number, each in enumerate(children):
            place = f"{at}/{name}/{number}"
            if _type(each) not in types:
                self._error(f"unsupported type: {_type(each)}", f"{place}/type")
            else:
                self._block(each, place)

    def _text(self, text: Any, at: str, limit: int, *, plain: bool = False) -> None:
        if not isinstance(text, dict):
            self._error("must be a text object", at)
            return
        if text.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
            self._error(f"unsupported type: {text.get('type')}", f"{at}/type")
        self._check_properties(text, {"type", "text", "emoji", "verbatim"}, at)
        self._string(text.get("text"), f"{at}/text", limit)

    def _string(self, value: Any, at: str, limit: int) -> None:
        if not isinstance(value, str):
            self._error("must be a string", at)
        elif len(value) > limit:
            self._error(f"must be less than {limit + 1} characters", at)
        elif not value:
            self._error("must be more than 0 characters", at)

    def _check_properties(self, given: Json, known: set[str], at: str) -> None:
        for name in given:
            if name not in known:
                self._error(f"invalid additional property: {name}", at)

    def _error(self, message: str, at: str) -> None:
        self.errors.append(f"[ERROR] {message} [json-pointer:{at}]")


def too_long(blocks: list[Json]) -> bool:
    return sum(len(text) for text in texts(blocks)) > MAX_IN_BLOCKS


def _with_children(blocks: list[Any]) -> Iterator[Any]:
    """Yield blocks and those inside of containers."""
    for block in blocks:
        yield block
        if isinstance(block, dict) and isinstance(block.get("child_blocks"), list):
            yield from block["child_blocks"]


def _type(block: Any) -> str:
    return str(block.get("type", "")) if isinstance(block, dict) else ""
