"""Replies as Slack shows them: text for notifications, blocks for readers, and what each reply is made of. Pure.

No link or mention in a reply comes from a document or a model: their text is escaped. Only the permalink that Slack
gave for a file, and the address of a web page under its host's name, are links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.db.used_pages import UsedPage, name_mark
from bot.slack import buttons, messages
from bot.slack.blocks import (
    MESSAGE,
    NOTIFICATION,
    SECTION,
    Block,
    break_links,
    context,
    cut,
    escape,
    link,
    markdown_to_mrkdwn,
    section,
    sections,
    text_length,
)
from bot.slack.uploads import Picture
from rag import Answer, Hit, Mode, Passage

PICTURES = 3
NEAREST = 2
_CITATIONS = 12


@dataclass(frozen=True, slots=True)
class Reply:
    """One message, and the pictures that follow it in the thread.

    `documents` are all that any part of it may come from: their words, a name, or what a model made of them.
    """

    text: str
    blocks: list[Block]
    pictures: list[Picture] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    used: list[UsedPage] = field(default_factory=list)

    def with_documents(self, documents: Iterable[int]) -> Reply:
        """Return the same reply, which may also hold words of these documents."""
        return replace(self, documents=sorted({*self.documents, *documents}))

    def with_names(self, names: Iterable[UsedPage]) -> Reply:
        """Return the same reply, which may also hold these names of files."""
        return replace(self, used=list(dict.fromkeys([*self.used, *names])))

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def restored(cls, stored: Any) -> Reply:
        pictures = [Picture(**picture) for picture in stored["pictures"]]
        used = [UsedPage(**page) for page in stored.get("used", ())]
        return cls(stored["text"], stored["blocks"], pictures, stored.get("documents", []), used)


def answer_reply(answer: Answer, remark: str = "") -> Reply:
    """Return an answer with its citations. `remark` is shown first: about a document sent with the question."""
    body = markdown_to_mrkdwn(answer.text)
    quoted = answer.mode is Mode.PASSAGES and not answer.abstained
    if quoted:  # the passages themselves, each under its place already
        body = _replaced(
            body, {escape(f"[{one.number}] {one.hit.region_label}"): _citation(one) for one in answer.cited}
        )
    if answer.abstained:  # the nearest pages are named in it
        body = _replaced(body, {escape(one.hit.place): place(one.hit) for one in answer.passages})
    cited = () if answer.abstained else answer.cited
    above = remark_blocks(" ".join(one for one in (remark, answer.notice) if one))
    below = [] if quoted else [context("\n".join(part)) for part in _batches([_citation(one) for one in cited])]
    below += buttons.page_buttons(_files(one.hit for one in cited), more=bool(answer.found.hits))
    below.append(buttons.feedback_buttons())
    room = MESSAGE - text_length([*above, *below])
    shown = [] if answer.abstained else list(zip(answer.evidence, answer.pictured, strict=True))[:PICTURES]
    pictures = [Picture(str(path), f"[{one.number}] {one.hit.region_label}", one.hit.document) for path, one in shown]
    return Reply(
        cut(break_links(markdown_to_mrkdwn(answer.text)), NOTIFICATION),
        [*above, *sections(body, room), *below],
        pictures,
        made_of(one.hit for one in answer.passages),
        [_used(one, answer) for one in answer.passages],
    )


def page_reply(hit: Hit, picture: Path | None, remark: str = "") -> Reply:
    """Return which page a screenshot shows, and what proves it."""
    blocks = remark_blocks(remark)
    blocks.append(section(messages.found_page(link(hit.link, hit.title), escape(_page(hit)))))
    if hit.why:
        blocks.append(context(escape(hit.why)))
    blocks += [*buttons.page_buttons(_files([hit]), more=True), buttons.feedback_buttons()]
    pictures = [Picture(str(picture), hit.place, hit.document)] if picture else []
    used = [UsedPage(hit.document, hit.page, cited=True, shown=True, name=name_mark(hit.name))]
    return Reply(break_links(messages.found_place(escape(hit.place))), blocks, pictures, [hit.document], used)


def no_match_reply(hits: Sequence[Hit], remark: str = "") -> Reply:
    """Return that no page shows a screenshot, with the nearest pages."""
    near = hits[:NEAREST]
    blocks = remark_blocks(remark)
    blocks.append(section(messages.no_matching_page([place(hit) for hit in near])))
    blocks += [*buttons.page_buttons([], more=bool(hits)), buttons.feedback_buttons()]
    used = [UsedPage(hit.document, hit.page, shown=True, name=name_mark(hit.name)) for hit in near]
    return Reply(messages.NO_MATCHING_PAGE, blocks, documents=made_of(near), used=used)


def plain_reply(text: str) -> Reply:
    """Return plain text as a message."""
    return Reply(break_links(escape(text)), [section(escape(text))])


def working_reply(text: str) -> Reply:
    """Return how far an answer is, escaped text, with a button that stops it."""
    return Reply(cut(break_links(text), NOTIFICATION), [section(text), buttons.stop_button()])


def unfinished(text: str) -> str:
    """Return the part of an answer that a model has written so far, escaped."""
    return f"{cut(escape(text), SECTION)} …"


def remark_blocks(remark: str) -> list[Block]:
    """Return the block of a remark in plain text that stands above a reply; [] for an empty one."""
    return [context(escape(remark))] if remark else []


def made_of(hits: Iterable[Hit]) -> list[int]:
    """Return the documents of these pages."""
    return sorted({hit.document for hit in hits})


def place(hit: Hit) -> str:
    """Return a page as a reader would name it, in mrkdwn, with a link where there is one."""
    return f"{link(hit.link, hit.title)}, {escape(_page(hit))}"


def _page(hit: Hit) -> str:
    return hit.place.removeprefix(f"{hit.title}, ")


def _citation(passage: Passage) -> str:
    hit = passage.hit
    return f"[{passage.number}] {link(hit.link, hit.title)}, {escape(hit.region_label.removeprefix(f'{hit.title}, '))}"


def _used(passage: Passage, answer: Answer) -> UsedPage:
    hit = passage.hit
    cited = passage in answer.cited and not answer.abstained
    named = answer.abstained and hit.place in answer.text
    return UsedPage(hit.document, hit.page, passage.number, cited, cited or named, name_mark(hit.name))


def _files(hits: Iterable[Hit]) -> list[tuple[int, str]]:
    """Return (document, title) of the files of these pages, each once."""
    return list({hit.document: (hit.document, hit.title) for hit in hits}.values())


def _replaced(text: str, made: dict[str, str]) -> str:
    """Return the text with each of these replaced once, and never inside of what another was replaced by."""
    left, parts, at = dict(made), list[str](), 0
    places = {old: text.find(old) for old in made}
    while left:
        places = {old: place if place >= at else text.find(old, at) for old, place in places.items() if place >= 0}
        found = [(place, -len(old), old) for old, place in places.items() if place >= 0]
        if not found:
            break
        place, _, old = min(found)  # of two that begin here, the longer
        parts += [text[at:place], left.pop(old, old)]
        at = place + len(old)
    return "".join(parts) + text[at:]


def _batches(lines: list[str]) -> Iterator[list[str]]:
    """Yield lines for one context block each. Slack takes as much in one of its elements as in a section; citations
    that are too many for a message are left out."""
    batch: list[str] = []
    for line in lines[:_CITATIONS]:
        if batch and sum(map(len, batch)) + len(line) > SECTION // 2:
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch
