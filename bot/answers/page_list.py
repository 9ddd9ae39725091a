"""Lists of pages: each page with its link and the beginning of its text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.answers.render import PICTURES, Reply, documents_of, place, remark_blocks
from bot.db.used_pages import UsedPage, name_mark
from bot.slack import buttons, messages
from bot.slack.blocks import break_links, cut, escape, sections, without_links
from bot.slack.uploads import Picture
from rag import Hit, SearchResult

LISTED = 5
"""Pages of one list."""

_SNIPPET = 160


def pages_reply(
    hits: Sequence[Hit], heading: str, pictures: Sequence[Picture] = (), *, remark: str = "", more: bool = False
) -> Reply:
    """Return a list under a heading. `heading` is mrkdwn. `more`: add the button for more pages."""
    listed = "\n".join([heading, *(_line(hit) for hit in hits)])
    blocks = [*remark_blocks(remark), *sections(listed), *buttons.page_buttons([], more=more)]
    plain = "\n".join([without_links(heading), *(escape(hit.place) for hit in hits)])
    used = [UsedPage(hit.document, hit.page, shown=True, name=name_mark(hit.name)) for hit in hits]
    return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], documents_of(hits), used)


def found_reply(found: SearchResult, remark: str = "") -> Reply:
    """Return the best pages; if nothing was found, say so and list the nearest pages."""
    remark = " ".join(part for part in (remark, found.notice) if part)
    if found.found:
        return pages_reply(found.hits[:LISTED], messages.BEST_PAGES, remark=remark)
    near = found.hits[:2]
    return pages_reply(near, messages.nothing_found(nearest=bool(near)), remark=remark)


def _line(hit: Hit) -> str:
    snippet = cut(" ".join(hit.text.split()), _SNIPPET)
    return f"• {place(hit)}{f': {escape(snippet)}' if snippet else ''}"
