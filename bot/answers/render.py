"""Answers, receipts and errors as Slack shows them: text for notifications, blocks for readers. Pure.

No link and no mention in a reply comes from a document or a model: their text is escaped and verbatim. What is linked
is the permalink that Slack gave for a file, and the address of a web page, under the name of its host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bot.db.used_pages import Used, name_mark
from bot.slack import buttons
from rag import Answer, Hit, Mode, Passage, without_invisible

if TYPE_CHECKING:
    from rag import Standing  # with SQL, which --help has no use for

Block = dict[str, Any]

SECTION = 2900
"""Characters of a section; Slack takes 3,000."""

SECTIONS = 4
"""Sections of one answer."""

MESSAGE = 12_500
"""Characters of all blocks of a message. Slack refuses from about 13,200 on (msg_blocks_too_long)."""

NOTIFICATION = 3000
PICTURES = 3
NEAREST = 2
_CITATIONS = 12


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that goes with a reply, and what is said of it."""

    path: str
    title: str
    document: int = 0

    @property
    def filename(self) -> str:
        """The title as a file name, as somebody who saves the picture would want it."""
        return f"{re.sub(r'[^0-9A-Za-z]+', '-', self.title).strip('-') or 'page'}{Path(self.path).suffix}"


@dataclass(frozen=True, slots=True)
class Reply:
    """One message, and the pictures that follow it in the thread.

    `documents` are all those that something of it may come from: their words, a name, or what a model made of them.
    """

    text: str
    blocks: list[Block]
    pictures: list[Picture] = field(default_factory=list)
    documents: list[int] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)

    def also_of(self, documents: Iterable[int]) -> Reply:
        """The same reply, which may hold words of these documents, too."""
        return replace(self, documents=sorted({*self.documents, *documents}))

    def also_named(self, names: Iterable[Used]) -> Reply:
        """Return the same reply, which may hold these names of files, too."""
        return replace(self, used=list(dict.fromkeys([*self.used, *names])))

    def stored(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def restored(cls, stored: Any) -> Reply:
        pictures = [Picture(**picture) for picture in stored["pictures"]]
        used = [Used(**page) for page in stored.get("used", ())]
        return cls(stored["text"], stored["blocks"], pictures, stored.get("documents", []), used)


_MADE_OF = re.compile(
    r"(?<=[^\W\d_])(:)(?=\S)|(:)(?=//)"  # an address with its scheme
    r"|(?<=\S)([.。．｡])(?!(?:pdf|docx|pptx|xlsx|txt|png|jpe?g|html)\b)(?=[^\W\d_]{2}|xn--)"  # a domain
    r"|([@#])(?=\w)",  # somebody's name, a channel's
    re.IGNORECASE,
)


def escaped(text: str) -> str:
    """Text of a stranger: shown as it is. With `verbatim` in every block, Slack makes no link or mention of it."""
    text = without_invisible(text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unlinked(text: str) -> str:
    """Text, escaped already, of which Slack makes no link or mention even where nothing is said to be verbatim.

    Notifications show a message's text so. A space without width breaks what would be one.
    """
    return _MADE_OF.sub(lambda match: f"{match.group()}\u200b", text)


def answer_reply(answer: Answer, remark: str = "") -> Reply:
    """An answer with its citations. `remark` is said first: about a document that was sent with the question."""
    notices = [one for one in (remark, answer.notice) if one]
    body = _mrkdwn(answer.text)
    blocks: list[Block] = [small(escaped(" ".join(notices)))] if notices else []
    quoted = answer.mode is Mode.PASSAGES and not answer.abstained
    if quoted:  # the passages themselves, each under its place already
        body = _replaced(body, {escaped(f"[{one.number}] {one.hit.spot}"): _citation(one) for one in answer.cited})
    if answer.abstained:  # the nearest pages are named in it
        body = _replaced(body, {escaped(one.hit.place): place(one.hit) for one in answer.passages})
    cited = () if answer.abstained else answer.cited
    below = [] if quoted else [small("\n".join(part)) for part in _batches([_citation(one) for one in cited])]
    below += buttons.onward(_files(one.hit for one in cited), more=bool(answer.found.hits))
    below.append(buttons.verdict())
    blocks += [section(piece) for piece in pieces(_fitting(body, [*blocks, *below]))]
    blocks += below
    shown = [] if answer.abstained else list(zip(answer.evidence, answer.pictured, strict=True))[:PICTURES]
    pictures = [Picture(str(path), f"[{one.number}] {one.hit.spot}", one.hit.document) for path, one in shown]
    return Reply(
        _cut(unlinked(_mrkdwn(answer.text)), NOTIFICATION),
        blocks,
        pictures,
        made_of(one.hit for one in answer.passages),
        [_used(one, answer) for one in answer.passages],
    )


def page_reply(hit: Hit, picture: Path | None, remark: str = "") -> Reply:
    """Which page a screenshot shows, and what proves it."""
    blocks: list[Block] = [small(escaped(remark))] if remark else []
    blocks.append(section(f"This is *{_linked(hit)}*, {escaped(_page(hit))}."))
    if hit.why:
        blocks.append(small(escaped(hit.why)))
    blocks += [*buttons.onward(_files([hit]), more=True), buttons.verdict()]
    pictures = [Picture(str(picture), hit.place, hit.document)] if picture else []
    used = [Used(hit.document, hit.page, cited=True, shown=True, name=name_mark(hit.name))]
    return Reply(unlinked(f"This is {escaped(hit.place)}."), blocks, pictures, [hit.document], used)


def unseen_reply(hits: Sequence[Hit], remark: str = "") -> Reply:
    """That no page shows a screenshot, and the pages that come nearest."""
    near = hits[:NEAREST]
    blocks: list[Block] = [small(escaped(remark))] if remark else []
    named = f" Nearest: {'; '.join(map(place, near))}." if near else ""
    blocks.append(section(f"{UNSEEN}{named}"))
    blocks += [*buttons.onward([], more=bool(hits)), buttons.verdict()]
    used = [Used(hit.document, hit.page, shown=True, name=name_mark(hit.name)) for hit in near]
    return Reply(UNSEEN, blocks, documents=made_of(near), used=used)


def _used(passage: Passage, answer: Answer) -> Used:
    hit = passage.hit
    cited = passage in answer.cited and not answer.abstained
    named = answer.abstained and hit.place in answer.text
    return Used(hit.document, hit.page, passage.number, cited, cited or named, name_mark(hit.name))


def _files(hits: Iterable[Hit]) -> list[tuple[int, str]]:
    """(document, title) of the files of these pages, each once."""
    return list({hit.document: (hit.document, hit.title) for hit in hits}.values())


def _fitting(text: str, others: Sequence[Block]) -> str:
    """Text, cut so that the message has room for its other blocks."""
    return _cut(text, max(SECTION, MESSAGE - sum(map(_size, others))))


def _size(block: Any) -> int:
    """Characters of all texts of a block."""
    if isinstance(block, list):
        return sum(map(_size, block))
    if isinstance(block, dict):
        return sum(
            len(part) if name == "text" and isinstance(part, str) else _size(part) for name, part in block.items()
        )
    return 0


def made_of(hits: Iterable[Hit]) -> list[int]:
    """The documents of these pages."""
    return sorted({hit.document for hit in hits})


def plain_reply(text: str) -> Reply:
    """A sentence of ours."""
    return Reply(unlinked(escaped(text)), [section(escaped(text))])


def reading_status(standings: Sequence[Standing]) -> str:
    """What is shown while a question waits for documents sent with it."""
    for one in standings:
        if one.state == "reading" and one.pages:
            return escaped(f"Reading {one.title}, page {min(one.page + 1, one.pages)} of {one.pages} …")
    names = [one.title for one in standings if one.state in ("waiting", "reading")]
    return escaped(f"Reading {names[0]} …") if names else LOOKING


def unfinished(text: str) -> str:
    """A model's words so far."""
    return f"{_cut(escaped(text), SECTION)} …"


def waiting(before: int) -> str:
    """What a question shows until it is worked on, when it waits for `before` others."""
    if before < 1:
        return LOOKING
    return f"In line: {'one question is' if before == 1 else f'{before} questions are'} before yours."


def working_reply(text: str) -> Reply:
    """How far an answer is, escaped text, with a button that stops it."""
    stop = {"type": "button", "action_id": STOP, "text": {"type": "plain_text", "text": "Stop"}, "value": STOP}
    return Reply(
        _cut(unlinked(text), NOTIFICATION),
        [section(text), {"type": "actions", "block_id": WORKING, "elements": [stop]}],
    )


def is_working(blocks: Sequence[Block]) -> bool:
    """Whether a message is an answer that is not there yet."""
    return any(block.get("block_id") == WORKING for block in blocks)


def understood(query: str) -> str:
    """Said before the answer to a follow-up that was searched for in other words."""
    return f"Understood as: {query}"


LOOKING = "Looking …"
STOPPED = "Stopped."
STOP, WORKING = "stop", "working"
"""The button on an answer that is not there yet, and the block that it is in."""

HELP = (
    "Ask me something about the files shared in this conversation, or send me a screenshot: I say which page it is. "
    "PDFs, Word and PowerPoint files, texts and pictures shared here are read as they come."
)
UNSEEN = "I could not find this picture in the files I may use here."
CHANGING = "What is shared here, or who reads it, kept changing while I looked. Please ask again."
BROKEN = "Something went wrong while I looked for an answer. Whoever runs Magpie finds the reason in its log."


def failure_sentence(standing: Standing) -> str:
    """Said to the sender alone when a file cannot be read."""
    return escaped(f"I could not read {standing.title}: {standing.reason} {standing.hint}".strip())


def failures_remark(standings: Sequence[Standing]) -> str:
    """Said before an answer that had to do without a document sent with the question."""
    failed = [f"{one.title} could not be read: {one.reason}" for one in standings if one.state == "failed"]
    unread = [one.title for one in standings if one.state in ("waiting", "reading")]
    late = [f"{', '.join(unread)}: not wholly read yet; ask again in a while."] if unread else []
    return " ".join([*failed, *late])


def pieces(text: str) -> Iterator[str]:
    """Text in sections that Slack takes, cut at paragraphs, else lines, else words; at most SECTIONS."""
    for number in range(SECTIONS):
        if not text.strip():
            return
        if len(text) <= SECTION:
            yield text
            return
        end = next((at for sign in ("\n\n", "\n", " ") if (at := text.rfind(sign, SECTION // 2, SECTION)) > 0), SECTION)
        end = _whole(text, end)
        last = number == SECTIONS - 1
        yield text[:end].rstrip() + (" …" if last else "")
        text = text[end:].lstrip("\n")


def _whole(text: str, end: int) -> int:
    """`end`, or an earlier place where it would cut through an entity or a link of ours."""
    for opening, closing in (("&", ";"), ("<", ">")):
        start = text.rfind(opening, 1, end)
        if start > 0 and closing not in text[start:end] and closing in text[end : end + 1000]:
            end = start
    return end


def _mrkdwn(text: str) -> str:
    """A model's Markdown as Slack writes it: bold and headings; the rest is left as it stands."""
    safe = escaped(text)
    safe = re.sub(r"^#{1,6}[ \t]+(\S.*)$", _heading, safe, flags=re.MULTILINE)
    safe = re.sub(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*", r"*\1*", safe)
    return re.sub(r"^([ \t]*)[*-][ \t]+", r"\1• ", safe, flags=re.MULTILINE)


def _heading(match: re.Match[str]) -> str:
    title = match[1].rstrip(" \t").rstrip("#").rstrip(" \t")
    return f"*{title}*" if title else match[0]


def _citation(passage: Passage) -> str:
    hit = passage.hit
    return f"[{passage.number}] {_linked(hit)}, {escaped(hit.spot.removeprefix(f'{hit.title}, '))}"


def place(hit: Hit) -> str:
    """A page as a reader would name it, with a link where there is one."""
    return f"{_linked(hit)}, {escaped(_page(hit))}"


def _page(hit: Hit) -> str:
    return hit.place.removeprefix(f"{hit.title}, ")


def _linked(hit: Hit) -> str:
    """The title with a link. Of a file in Slack the title is the link's label; anywhere else the host is, for a page
    gives itself whatever title it likes: "Your session has expired: sign in"."""
    name = escaped(hit.title).replace("|", "¦")
    host = _host(hit.link) if hit.link and re.fullmatch(r"https?://[^\s<>|]+", hit.link) else ""
    if not hit.link or not host:
        return name
    address = hit.link.replace("&", "&amp;")
    if host == _SLACK or host.endswith(f".{_SLACK}"):
        return f"<{address}|{name}>"
    return f"{name} (<{address}|{host}>)"


_SLACK = "slack.com"


def _host(link: str) -> str:
    """The host as DNS has it, so that foreign letters that look like others are told; "" for one that no DNS has."""
    try:
        return escaped(httpx.URL(link).raw_host.decode("ascii")).lower()
    except (ValueError, httpx.InvalidURL):
        return ""


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
    """Lines for one context block each: Slack takes as much in one element as in a section. What is too much for a
    message is left out."""
    lines = lines[:_CITATIONS]
    batch: list[str] = []
    for line in lines:
        if batch and sum(map(len, batch)) + len(line) > SECTION // 2:
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch


def section(text: str) -> Block:
    """A section of mrkdwn of which Slack makes no more than stands in it."""
    return {"type": "section", "expand": True, "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def small(text: str) -> Block:
    """As `section`, in small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _cut(text, SECTION), "verbatim": True}]}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: _whole(text, length)].rstrip() + " …"
