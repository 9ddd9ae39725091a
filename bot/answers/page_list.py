"""Pages as a list: each with its link and the beginning of what it says. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answers.render import (
    PICTURES,
    Picture,
    Reply,
    escaped,
    made_of,
    pieces,
    place,
    section,
    small,
    unlinked,
)
from bot.db.used_pages import Used, name_mark
from bot.slack import buttons
from rag import Found, Hit

LISTED = 5
"""Pages of one list."""

_SNIPPET = 160

NO_MORE = "There are no more pages on this that I may show here."
NOTHING = "I could not find this in the files I may use here."


def pages_reply(
    hits: Sequence[Hit], heading: str, pictures: Sequence[Picture] = (), *, remark: str = "", more: bool = False
) -> Reply:
    """`heading` is mrkdwn of ours. `more`: there are more of them."""
    blocks = [small(escaped(remark))] if remark else []
    listed = "\n".join([heading, *(_line(hit) for hit in hits)])
    blocks += [section(piece) for piece in pieces(listed)]
    blocks += buttons.onward([], more=more)
    plain = "\n".join([heading, *(escaped(hit.place) for hit in hits)])
    used = [Used(hit.document, hit.page, shown=True, name=name_mark(hit.name)) for hit in hits]
    return Reply(unlinked(plain), blocks, list(pictures)[:PICTURES], made_of(hits), used)


def found_reply(found: Found, remark: str = "") -> Reply:
    """The best pages; that nothing was found, with the nearest, otherwise."""
    remark = " ".join(part for part in (remark, found.notice) if part)
    if found.found:
        return pages_reply(found.hits[:LISTED], "The best pages:", remark=remark)
    near = found.hits[:2]
    return pages_reply(near, f"{NOTHING}{' The nearest pages:' if near else ''}", remark=remark)


def _line(hit: Hit) -> str:
    said = " ".join(hit.text.split())
    said = f"{said[:_SNIPPET].rstrip()} …" if len(said) > _SNIPPET else said
    return f"• {place(hit)}{f': {escaped(said)}' if said else ''}"
