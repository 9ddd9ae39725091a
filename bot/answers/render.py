"""Replies as Slack shows them: text for notifications, blocks, and the pages that each reply uses. Pure.

Text of documents and models is escaped, so no link or mention comes from it. The only links are a file's permalink from
Slack, and a web page's address, labeled with its host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.access.names import NO_NAMES, Names
from bot.answers.task import join
from bot.db.used_pages import UsedPage, name_mark, post_mark
from bot.slack import buttons
from bot.slack.blocks import (
    MESSAGE,
    NOTIFICATION,
    SECTION,
    TITLE,
    Block,
    break_links,
    carousel,
    container,
    context,
    cut,
    escape,
    link,
    markdown_to_mrkdwn,
    section,
    sections,
    text_length,
)
from bot.slack.messages import answer_texts, limit_texts, progress_texts
from bot.slack.rich_text import rich_blocks
from bot.slack.uploads import Picture
from rag import Answer, AnswerStage, Heading, Hit, Mode, Passage, Posted

PICTURES = 3
NEAREST = 2
_CITATIONS = 12
MESSAGES = "messages"
"""The lane that finds files by the words of the message that shares them."""
_OPEN = 3
"""Quoted passages that are shown without a click."""
_WORDS = 100
"""Characters of a message that are shown beside the file that it shares."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One message, and the pictures that follow it in the thread.

    `documents`: all that any part of it may come from: their text, their names, or what a model wrote from them.
    `outcome`: one of OUTCOMES in bot.telemetry.metrics. `cited_chunks`: the chunks it cites; follow-ups are
    looked for after them. `asked_with`: the choice of the button that it was asked again with.
    """

    text: str
    blocks: list[Block]
    pictures: list[Picture] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    used: list[UsedPage] = field(default_factory=list)
    outcome: str = "other"
    cited_chunks: list[int] = field(default_factory=list)
    asked_with: str = ""

    def with_documents(self, documents: Iterable[int]) -> Reply:
        """Return the same reply, marked as possibly containing text of these documents too."""
        return replace(self, documents=sorted({*self.documents, *documents}))

    def with_names(self, names: Iterable[UsedPage]) -> Reply:
        """Return the same reply, marked as possibly containing these file names too."""
        return replace(self, used=list(dict.fromkeys([*self.used, *names])))

    def to_json(self) -> dict[str, Any]:
        """Return the reply as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> Reply:
        pictures = [Picture(**picture) for picture in stored["pictures"]]
        used = [UsedPage(**page) for page in stored.get("used", ())]
        outcome = stored.get("outcome", "other")
        documents, chunks = stored.get("documents", []), stored.get("cited_chunks", [])
        asked_with = stored.get("asked_with", "")
        return cls(stored["text"], stored["blocks"], pictures, documents, used, outcome, chunks, asked_with)


def answer_reply(
    answer: Answer, remark: str = "", names: Names = NO_NAMES, asked_at: float = 0.0, heading: str = ""
) -> Reply:
    """Return an answer with its citations.

    `remark` is shown first, for example about a document sent with it; `heading` directly above the answer. A page that
    the words of a message found is shown with that message; `names` and `asked_at` (seconds since 1970) are for its
    person, channel and day.
    """

    def cite(passage: Passage) -> str:
        found_by = [posted_line(passage.hit.name, posted, names, asked_at) for posted in passage.hit.posted]
        return ", ".join([_citation(passage), *(found_by if MESSAGES in passage.hit.lanes else ())])

    quoted = answer.mode is Mode.PASSAGES and not answer.abstained
    cited = () if answer.abstained else answer.cited
    translated = [answer_texts.also_searched(*one) for one in answer.found.translations.items()]
    above = remark_blocks(join(remark, answer.notice, *translated, heading))
    below = [] if quoted else [context("\n".join(part)) for part in _batches([cite(passage) for passage in cited])]
    below += _page_buttons(answer, [passage.hit for passage in cited])
    below.append(buttons.feedback_buttons())
    max_length = MESSAGE - text_length([*above, *below])
    if answer.abstained:
        body = _abstention(answer, max_length)
    else:
        body = _passages(answer, cite, max_length) if quoted else rich_blocks(answer.text, max_length)
    shown = [] if answer.abstained else list(zip(answer.evidence, answer.pictured, strict=True))[:PICTURES]
    pictures = [
        Picture(str(path), f"[{passage.number}] {passage.hit.region_label}", passage.hit.document)
        for path, passage in shown
    ]
    return Reply(
        cut(break_links(markdown_to_mrkdwn(answer.text)), NOTIFICATION),
        [*above, *body, *below],
        pictures,
        documents_of(passage.hit for passage in answer.passages),
        pages_used(answer),
        "not_found" if answer.abstained else "passages" if quoted else "answered",
        list(dict.fromkeys(passage.hit.chunk for passage in cited)),
    )


def with_offers(reply: Reply, topics: Sequence[Heading], models: Sequence[str]) -> Reply:
    """Return an answer with buttons for what can be asked next and for answering again, other than it was made, above
    those that rate it.

    If it is too long for them, it is returned as it is.
    """
    blocks = buttons.topic_buttons([(heading.chunk, heading.text) for heading in topics]) if topics else []
    if reply.outcome == "answered":
        others = [model for model in models if f"{buttons.MODEL}{model}" != reply.asked_with]
        deeper = buttons.has_more(reply.blocks) and reply.asked_with != buttons.DEEPER
        blocks += buttons.with_buttons(others, deeper=deeper)
    if text_length([*reply.blocks, *blocks]) > MESSAGE:
        return reply
    *above, last = reply.blocks
    return replace(reply, blocks=[*above, *blocks, last])


def with_carousel(reply: Reply, files: Sequence[str], pictures: Sequence[Picture]) -> Reply:
    """Return an answer with these pictures, which have these ids in Slack, side by side above its last buttons.

    If it is too long for them, it is returned as it is.
    """
    titles = [break_links(escape(picture.title)) for picture in pictures]
    alts = [answer_texts.marked_page(picture.title) for picture in pictures]
    shown = carousel(list(zip(titles, files, alts, strict=True)))
    if text_length([*reply.blocks, shown]) > MESSAGE:
        return reply
    *above, last = reply.blocks
    return replace(reply, blocks=[*above, shown, last])


def _abstention(answer: Answer, max_length: int) -> list[Block]:
    """Return that nothing was found. The text names the nearest pages: make them links."""
    places = {escape(passage.hit.place): place(passage.hit) for passage in answer.passages}
    return sections(_replace_once(markdown_to_mrkdwn(answer.text), places), max_length)


def _passages(answer: Answer, cite: Callable[[Passage], str], max_length: int) -> list[Block]:
    """Return the quoted passages, each below its place, which becomes a link. Those after the first ones are closed."""
    places = {escape(f"[{passage.number}] {passage.hit.region_label}"): cite(passage) for passage in answer.cited}
    parts = _replace_once(markdown_to_mrkdwn(answer.text), places).split("\n\n")
    first = sections("\n\n".join(parts[:_OPEN]), max_length)
    left, others = max_length - text_length(first), "\n\n".join(parts[_OPEN:])
    if not others:
        return first
    if left < SECTION:
        return sections("\n\n".join(parts), max_length)
    return [*first, container(answer_texts.more_passages(len(parts) - _OPEN), sections(others, left - TITLE))]


def _page_buttons(answer: Answer, cited: Sequence[Hit]) -> list[Block]:
    """Return a button for more pages, if there are any, and one for each file, if pages of several were found."""
    shown = {(hit.document, hit.page) for hit in cited or [passage.hit for passage in answer.passages]}
    found = {(hit.document, hit.page) for hit in answer.found.hits}
    has_files = len({document for document, _ in found}) > 1
    return buttons.page_buttons(_files(cited) if has_files else [], more=bool(found - shown))


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """The page that a screenshot shows, with a picture of it; else the nearest pages, or what went wrong."""

    page: Hit | None = None
    picture: Path | None = None
    nearest: Sequence[Hit] = ()
    problem: str = ""


def screenshots_reply(found: Sequence[FoundPicture], remark: str = "") -> Reply:
    """Return the page of each screenshot, in order."""
    if len(found) == 1:
        return _screenshot_reply(found[0], remark)
    blocks, text = remark_blocks(remark), list[str]()
    for number, one in enumerate(found, 1):
        name = answer_texts.screenshot(number)
        if one.page is None:
            said = escape(one.problem) or answer_texts.no_matching_page([place(hit) for hit in one.nearest[:NEAREST]])
            blocks.append(section(f"{name} {said}"))
            text.append(f"{name} {escape(one.problem) or answer_texts.NO_MATCHING_PAGE}")
            continue
        blocks.append(section(f"{name} {_found_page(one.page)}"))
        blocks += [context(escape(one.page.why))] if one.page.why else []
        text.append(f"{name} {answer_texts.found_place(escape(one.page.place))}")
    pages = [one.page for one in found if one.page is not None]
    near = [hit for one in found if one.page is None for hit in one.nearest[:NEAREST]]
    blocks += [*buttons.page_buttons(_files(pages), more=bool(pages or near)), buttons.feedback_buttons()]
    pictures = [
        Picture(str(one.picture), one.page.place, one.page.document)
        for one in found
        if one.page is not None and one.picture is not None
    ]
    used = [UsedPage(hit.document, hit.page, cited=True, shown=True, name=name_mark(hit.name)) for hit in pages]
    used += [UsedPage(hit.document, hit.page, shown=True, name=name_mark(hit.name)) for hit in near]
    notification, outcome = cut(break_links("\n".join(text)), NOTIFICATION), "pages" if pages else "not_found"
    return Reply(notification, blocks, pictures, documents_of([*pages, *near]), used, outcome)


def _screenshot_reply(found: FoundPicture, remark: str) -> Reply:
    if found.problem:
        return plain_reply(f"{remark} {found.problem}".strip())
    if found.page is None:
        return no_match_reply(found.nearest, remark)
    return page_reply(found.page, found.picture, remark)


def page_reply(hit: Hit, picture: Path | None, remark: str = "") -> Reply:
    """Return the page that a screenshot shows, and the reason for the match."""
    blocks = remark_blocks(remark)
    blocks.append(section(_found_page(hit)))
    if hit.why:
        blocks.append(context(escape(hit.why)))
    blocks += [*buttons.page_buttons(_files([hit]), more=True), buttons.feedback_buttons()]
    pictures = [Picture(str(picture), hit.place, hit.document)] if picture else []
    used = [UsedPage(hit.document, hit.page, cited=True, shown=True, name=name_mark(hit.name))]
    return Reply(
        break_links(answer_texts.found_place(escape(hit.place))), blocks, pictures, [hit.document], used, "pages"
    )


def no_match_reply(hits: Sequence[Hit], remark: str = "") -> Reply:
    """Return that no page matches a screenshot, with the nearest pages."""
    near = hits[:NEAREST]
    blocks = remark_blocks(remark)
    blocks.append(section(answer_texts.no_matching_page([place(hit) for hit in near])))
    blocks += [*buttons.page_buttons([], more=bool(hits)), buttons.feedback_buttons()]
    used = [UsedPage(hit.document, hit.page, shown=True, name=name_mark(hit.name)) for hit in near]
    return Reply(answer_texts.NO_MATCHING_PAGE, blocks, documents=documents_of(near), used=used, outcome="not_found")


def plain_reply(text: str) -> Reply:
    """Return plain text as a message."""
    return Reply(break_links(escape(text)), [section(escape(text))])


def working_reply(text: str, person: str = "") -> Reply:
    """Return progress on an answer, with a Stop button. `text` is escaped already. `person`: who is mentioned."""
    mention = f"<@{person}> " if person else ""
    shown = f"{mention}{cut(break_links(text), NOTIFICATION)}"
    return Reply(shown, [section(f"{mention}{text}"), buttons.stop_button()])


def addressed(reply: Reply, person: str) -> Reply:
    """Return a reply that mentions the person who asked for it."""
    to = f"<@{person}> {escape(answer_texts.ANSWERED_AGAIN)}"
    return replace(reply, text=f"{to} {reply.text}", blocks=[section(to), *reply.blocks])


def unfinished(stage: AnswerStage, checked: str, places: Sequence[str]) -> str:
    """Return how far an answer is, as mrkdwn: its statements that were checked, or the pages found, then the stage."""
    known = markdown_to_mrkdwn(checked) if checked else escape(progress_texts.found_places(places))
    state = escape(progress_texts.STAGES[stage])
    return f"{cut(known, SECTION - len(state) - 4)}\n_{state}_"


def remark_blocks(remark: str) -> list[Block]:
    """Return the block of a plain-text remark above a reply; [] if it is empty."""
    return [context(escape(remark))] if remark else []


def documents_of(hits: Iterable[Hit]) -> list[int]:
    """Return the documents of these pages."""
    return sorted({hit.document for hit in hits})


def place(hit: Hit) -> str:
    """Return a page's title and number as mrkdwn, linked if its file has a link."""
    return f"{link(hit.link, hit.title)}, {escape(_page(hit))}"


def _found_page(hit: Hit) -> str:
    return answer_texts.found_page(link(hit.link, hit.title), escape(_page(hit)))


def _page(hit: Hit) -> str:
    return hit.place.removeprefix(f"{hit.title}, ")


def _citation(passage: Passage) -> str:
    hit = passage.hit
    return f"[{passage.number}] {link(hit.link, hit.title)}, {escape(hit.region_label.removeprefix(f'{hit.title}, '))}"


def pages_used(answer: Answer) -> list[UsedPage]:
    """Return the pages that an answer may come from."""
    return [_used(passage, answer) for passage in answer.passages]


def _used(passage: Passage, answer: Answer) -> UsedPage:
    hit = passage.hit
    cited = passage in answer.cited and not answer.abstained
    named = answer.abstained and hit.place in answer.text
    shows_post = MESSAGES in hit.lanes
    post = next((post_of(hit.name, posted) for posted in hit.posted if posted.words or shows_post), "")
    return UsedPage(hit.document, hit.page, passage.number, cited, cited or named, name_mark(hit.name), post)


def post_of(name: str, posted: Posted) -> str:
    """Return the mark of a message that a reply, or the model that wrote it, has seen."""
    return post_mark(posted.space, posted.message, name, posted.shared_by, posted.words)


def posted_line(name: str, posted: Posted, names: Names, asked_at: float) -> str:
    """Return who shared a file, where and when, and the words of the message, as mrkdwn; empty if nothing is known."""
    said = " ".join(posted.words.split())
    return escape(
        limit_texts.posted(
            names.label(posted.shared_by or ""),
            names.label(posted.space),
            datetime.fromtimestamp(posted.shared_at, names.zone),
            datetime.fromtimestamp(asked_at, names.zone),
            cut(said, _WORDS) if said != name else "",
        )
    )


def _files(hits: Iterable[Hit]) -> list[tuple[int, str]]:
    """Return (document, title) of the files of these pages, each once."""
    return list({hit.document: (hit.document, hit.title) for hit in hits}.values())


def _replace_once(text: str, replacements: dict[str, str]) -> str:
    """Return the text with the first occurrence of each key replaced, but nothing replaced inside a replacement."""
    left, parts, at = dict(replacements), list[str](), 0
    places = {old: text.find(old) for old in replacements}
    while left:
        places = {old: place if place >= at else text.find(old, at) for old, place in places.items() if place >= 0}
        found = [(place, -len(old), old) for old, place in places.items() if place >= 0]
        if not found:
            break
        place, _, old = min(found)  # the longer one of two that begin at the same place
        parts += [text[at:place], left.pop(old, old)]
        at = place + len(old)
    return "".join(parts) + text[at:]


def _batches(lines: list[str]) -> Iterator[list[str]]:
    """Yield the lines of one context block after another, within Slack's limit for an element. Citations beyond
    _CITATIONS are left out."""
    batch: list[str] = []
    for line in lines[:_CITATIONS]:
        if batch and sum(map(len, batch)) + len(line) > SECTION // 2:
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch
