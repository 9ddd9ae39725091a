"""Slack's limits on rich text and on tables, whose cells are rich text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bot.demo.slack_server.state import Json

Report = Callable[[str, str], None]
"""Called with an error and its JSON pointer."""

MAX_ROWS, MAX_CELLS, MAX_TABLE = 100, 20, 10_000
MAX_INDENT = 8

PARTS = {
    "rich_text_section": set[str](),
    "rich_text_list": {"style", "indent", "offset", "border"},
    "rich_text_quote": {"border"},
    "rich_text_preformatted": {"border", "language"},
}
"""The parts of rich text, with their fields beside `elements`."""
INLINE = {
    "text": {"text"},
    "link": {"url", "text", "unsafe"},
    "user": {"user_id"},
    "usergroup": {"usergroup_id"},
    "channel": {"channel_id"},
    "broadcast": {"range"},
    "emoji": {"name", "unicode", "skin_tone"},
    "date": {"timestamp", "format", "url", "fallback"},
    "color": {"value"},
}
REQUIRED = {"text": "text", "link": "url", "user": "user_id", "channel": "channel_id", "emoji": "name"}
STYLES = {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}


def check_rich_text(block: Json, at: str, report: Report) -> None:
    for part, place in _items(block, at, report):
        kind = part.get("type")
        if kind not in PARTS:
            report(f"unsupported type: {kind}", f"{place}/type")
            continue
        _check_properties(part, PARTS[kind] | {"elements"}, place, report)
        if kind == "rich_text_list":
            _check_list(part, place, report)
        else:
            _check_inline(part, place, report)


def _check_list(part: Json, at: str, report: Report) -> None:
    if part.get("style") not in ("bullet", "ordered"):
        report("must be a valid enum value", f"{at}/style")
    if not isinstance(part.get("indent", 0), int) or not 0 <= part.get("indent", 0) <= MAX_INDENT:
        report(f"must be between 0 and {MAX_INDENT}", f"{at}/indent")
    for item, place in _items(part, at, report):
        if item.get("type") != "rich_text_section":
            report(f"unsupported type: {item.get('type')}", f"{place}/type")
        else:
            _check_inline(item, place, report)


def _check_inline(part: Json, at: str, report: Report) -> None:
    for element, place in _items(part, at, report):
        kind = element.get("type")
        if kind not in INLINE:
            report(f"unsupported type: {kind}", f"{place}/type")
            continue
        _check_properties(element, INLINE[kind] | {"style"}, place, report)
        name = REQUIRED.get(kind)
        if name and not (isinstance(element.get(name), str) and element[name]):
            report("must be more than 0 characters", f"{place}/{name}")
        style = element.get("style", {})
        if not isinstance(style, dict) or not style.keys() <= STYLES:
            report("invalid style", f"{place}/style")


def check_table(block: Json, at: str, report: Report) -> None:
    rows = block.get("rows")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
        report(f"must have 1 to {MAX_ROWS} rows", f"{at}/rows")
        return
    for number, row in enumerate(rows):
        place = f"{at}/rows/{number}"
        if not isinstance(row, list) or not 1 <= len(row) <= MAX_CELLS:
            report(f"must have 1 to {MAX_CELLS} items", place)
            continue
        for column, cell in enumerate(row):
            _check_cell(cell, f"{place}/{column}", report)
    _check_columns(block, at, report)
    if sum(map(len, texts(rows))) > MAX_TABLE:
        report(f"must be less than {MAX_TABLE + 1} characters", f"{at}/rows")


def _check_cell(cell: Any, at: str, report: Report) -> None:
    kind = cell.get("type") if isinstance(cell, dict) else None
    if kind == "rich_text":
        check_rich_text(cell, at, report)
    elif kind == "raw_text":
        if not (isinstance(cell.get("text"), str) and cell["text"]):
            report("must be more than 0 characters", f"{at}/text")
    elif kind != "raw_number":
        report("failed to match any allowed schemas", at)


def _check_columns(block: Json, at: str, report: Report) -> None:
    settings = block.get("column_settings", [])
    if not isinstance(settings, list) or len(settings) > MAX_CELLS:
        report(f"no more than {MAX_CELLS} items allowed", f"{at}/column_settings")
        return
    for number, each in enumerate(settings):
        place = f"{at}/column_settings/{number}"
        if each is None:
            continue
        if not isinstance(each, dict) or each.get("align", "left") not in ("left", "center", "right"):
            report("must be a valid enum value", f"{place}/align")
        elif not each.keys() <= {"align", "is_wrapped"}:
            report("invalid additional property", place)


def texts(value: Any) -> Iterator[str]:
    """Yield all texts inside of a block."""
    if isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "text" and isinstance(each, str):
                yield each
            else:
                yield from texts(each)


def _items(part: Json, at: str, report: Report) -> Iterator[tuple[Json, str]]:
    """Yield (element, place) of each element of a part. Report what is not an element."""
    elements = part.get("elements")
    if not isinstance(elements, list):
        report("missing required field: elements", at)
        return
    for number, each in enumerate(elements):
        place = f"{at}/elements/{number}"
        if isinstance(each, dict):
            yield each, place
        else:
            report("must be an object", place)


def _check_properties(given: Json, known: set[str], at: str, report: Report) -> None:
    for name in given.keys() - known - {"type"}:
        report(f"invalid additional property: {name}", at)
