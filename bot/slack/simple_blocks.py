"""The same message in sections and context only, for where Slack refuses other blocks. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.slack.blocks import SECTION, Block, cut, escape, section, sections

_NEW = ("rich_text", "table", "container", "carousel")
_SIGNS = {"bold": "*", "italic": "_", "strike": "~", "code": "`"}


def has_new_blocks(blocks: Sequence[Block]) -> bool:
    """Return whether `simple_blocks` would change these blocks."""
    return any(block["type"] in _NEW for block in blocks)


def simple_blocks(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks with rich text and tables as mrkdwn, and with the content of containers below their titles.

    Carousels are left out: their pictures are in the thread.
    """
    found: list[Block] = []
    for block in blocks:
        match block["type"]:
            case "rich_text":
                found += sections("\n".join(map(_part, block["elements"])))
            case "table":
                rows = "\n".join(" | ".join(map(_cell, row)) for row in block["rows"])
                found.append(section(f"```{cut(rows, SECTION - 10)}```"))
            case "container":
                found += [section(f"*{escape(block['title']['text'])}*"), *simple_blocks(block["child_blocks"])]
            case "carousel":
                pass
            case _:
                found.append(block)
    return found


def _cell(cell: Block) -> str:
    return _inline(cell["elements"][0]["elements"], styled=False)


def _part(part: Block) -> str:
    """Return one part of rich text as mrkdwn."""
    elements = part["elements"]
    match part["type"]:
        case "rich_text_list":
            items = [_inline(item["elements"]) for item in elements]
            numbers = [f"{number}." for number, _ in enumerate(items, part.get("offset", 0) + 1)]
            signs = numbers if part["style"] == "ordered" else ["•"] * len(items)
            space = "    " * part.get("indent", 0)
            return "\n".join(f"{space}{sign} {item}" for sign, item in zip(signs, items, strict=True))
        case "rich_text_quote":
            return "\n".join(f"> {line}" for line in _inline(elements).split("\n"))
        case "rich_text_preformatted":
            return f"```{_inline(elements, styled=False)}```"
        case _:
            return _inline(elements)


def _inline(elements: Sequence[Block], *, styled: bool = True) -> str:
    return "".join(_styled(each) if styled else escape(each["text"]) for each in elements)


def _styled(element: Block) -> str:
    text = escape(element["text"])
    words = text.strip()
    if not words or "\n" in words:
        return text
    signs = "".join(sign for name, sign in _SIGNS.items() if element.get("style", {}).get(name))
    return text.replace(words, f"{signs}{words}{signs[::-1]}", 1)
