"""Lists of pages: each page with its link and the part of its text that fits the question. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.access.names import NO_NAMES, Names
from bot.answers.render import MESSAGES, PICTURES, Reply, documents_of, place, post_of, posted_line, remark_blocks
from bot.answers.task import join
from bot.db.used_pages import UsedPage, name_mark
from bot.slack import buttons
from bot.slack.blocks import break_links, escape, sections, without_links
from bot.slack.messages import answer_texts
from bot.slack.uploads import Picture
from rag import Hit, Posted, SearchResult, quote

LISTED = 5
"""Pages of one list."""

_SNIPPET = 160


def pages_reply(
    hits: Sequence[Hit],
    heading: str,
    pictures: Sequence[Picture] = (),
    *,
    question: str = "",
    remark: str = "",
    more: bool = False,
    names: Names = NO_NAMES,
    asked_at: float = 0.0,
) -> Reply:
    """Return a list under a heading. `heading` is mrkdwn. `more`: add the button for more pages.

    A page that the words of a message found is shown with that message, if `names` are known. `asked_at`: seconds
    since 1970.
    """
    places = {hit.place for hit in hits}  # only these are checked before they are shown
    posts = [_posts(hit) if names is not NO_NAMES else () for hit in hits]
    listed = "\n".join(
        [heading, *(_line(hit, question, post, places, names, asked_at) for hit, post in zip(hits, posts, strict=True))]
    )
    blocks = [*remark_blocks(remark), *sections(listed), *buttons.page_buttons([], more=more)]
    plain = "\n".join([without_links(heading), *(escape(hit.place) for hit in hits)])
    used = [
        UsedPage(hit.document, hit.page, shown=True, name=name_mark(hit.name), post=mark)
        for hit, post in zip(hits, posts, strict=True)
        for mark in [post_of(hit.name, posted) for posted in post] or [""]
    ]
    return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], documents_of(hits), used, "pages")


def found_reply(
    found: SearchResult, question: str, remark: str = "", names: Names = NO_NAMES, asked_at: float = 0.0
) -> Reply:
    """Return the best pages; if nothing was found, say so and list the nearest pages."""
    translated = [answer_texts.also_searched(*one) for one in found.translations.items()]
    remark = join(remark, found.notice, *translated)
    if found.found:
        hits = found.hits[:LISTED]
        return pages_reply(
            hits, answer_texts.BEST_PAGES, question=question, remark=remark, names=names, asked_at=asked_at
        )
    near = found.hits[:2]
    return pages_reply(near, answer_texts.nothing_found(nearest=bool(near)), question=question, remark=remark)


def _posts(hit: Hit) -> Sequence[Posted]:
    """Return the messages whose words found a page."""
    return hit.posted if MESSAGES in hit.lanes else ()


def _line(
    hit: Hit, question: str, posts: Sequence[Posted], places: Collection[str], names: Names, asked_at: float
) -> str:
    snippet = quote(hit.text, question, _SNIPPET)
    found = ", ".join([place(hit), *(posted_line(hit.name, posted, names, asked_at) for posted in posts)])
    newer = f"\n    {escape(answer_texts.newer_version(hit.newer))}" if hit.newer in places else ""
    return f"• {found}{f': {escape(snippet)}' if snippet else ''}{newer}"
