"""Text of files in Slack that are not documents: canvases, posts, e-mails, and transcripts of clips. Pure.

Canvases and posts are downloaded as HTML, transcripts as WebVTT; e-mails bring their text along. The result is
Markdown or plain text, which can be indexed like an uploaded text file.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from html.parser import HTMLParser
from types import MappingProxyType

from bot.slack.events import FileKind
from bot.slack.file_kinds import file_kind
from bot.slack.message_text import Raw, as_list, as_map, as_text, resolve, without_mention

_CLIPS = (FileKind.AUDIO, FileKind.VIDEO)
_DOWNLOADED = (FileKind.CANVAS, FileKind.POST, FileKind.EMAIL)

_HEADINGS = MappingProxyType({f"h{level}": "#" * level + " " for level in range(1, 7)})
_PARAGRAPHS = frozenset(
    "p div section article header footer ul ol table thead tbody tr pre blockquote hr figure body html br".split()
)
_SKIPPED = frozenset("script style head template noscript".split())
_CELLS = ("td", "th")
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())

_TIMING = re.compile(r"(?:\d+:)?\d\d:\d\d\.\d{3}[ \t]+-->")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]+([^<>\s][^<>]*)>")
_TAG = re.compile(r"<[^<>]*>")
_UNNAMED_MENTION = re.compile(r"<[@#!][^<>]*>")


def has_text(raw: Raw) -> bool:
    """Return whether Slack gives the text of a canvas, post, e-mail or clip."""
    return text_in(raw) is not None or text_url(raw) is not None


def is_being_transcribed(raw: Raw) -> bool:
    """Return whether Slack is working on the transcript of a clip."""
    return file_kind(raw) in _CLIPS and as_map(raw.get("transcription")).get("status") == "processing"


def text_in(raw: Raw) -> str | None:
    """Return the text that a file object has itself; None if it must be downloaded from `text_url`, or has none."""
    kind = file_kind(raw)
    if kind is FileKind.EMAIL:
        body = _email_body(raw)
        return None if body is None else _with_header(raw, body)
    if kind in _CLIPS and _is_transcribed(raw):
        preview = as_map(as_map(raw.get("transcription")).get("preview"))
        text = as_text(preview.get("content")).strip()
        return text if text and preview.get("has_more") is not True else None
    return None


def text_url(raw: Raw) -> str | None:
    """Return the address of the bytes that `text_of` reads; None if Slack has none."""
    kind = file_kind(raw)
    if kind in _CLIPS:
        return (as_text(raw.get("vtt")) or None) if _is_transcribed(raw) else None
    if kind in _DOWNLOADED:
        return as_text(raw.get("url_private_download")) or as_text(raw.get("url_private")) or None
    return None


def text_of(raw: Raw, data: bytes) -> str:
    """Return the text of a canvas, post, e-mail or clip, given what `text_url` has."""
    kind, text = file_kind(raw), data.decode("utf-8", "replace").removeprefix("\ufeff")
    if kind in _CLIPS:
        return read_vtt(text)
    if kind is FileKind.EMAIL:
        return _with_header(raw, read_html(text))
    title, body = as_text(raw.get("title") or raw.get("name")), _read_post(text)
    return f"# {title}\n\n{body}" if title and title not in body[: 2 * len(title) + 10] else body


def read_html(text: str) -> str:
    """Return the visible text of a web page as Markdown: headings, lists and tables stay recognizable."""
    page = _Page()
    page.feed(text)
    page.close()
    return page.text()


def read_vtt(text: str) -> str:
    """Return what is said in WebVTT captions: a line for each caption, with the speaker if it names one."""
    lines = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        rows = block.split("\n")
        timing = next((number for number, row in enumerate(rows[:2]) if _TIMING.match(row)), None)
        if timing is None:  # the header, a note or a style sheet
            continue
        said = " ".join(_TAG.sub("", _VOICE.sub(r"\1: ", row)).strip() for row in rows[timing + 1 :])
        lines.append(html.unescape(said).strip())
    return "\n".join(line for line in lines if line)


# ---------------------------------------------------------------- kinds


def _is_transcribed(raw: Raw) -> bool:
    return as_map(raw.get("transcription")).get("status") == "complete"


def _email_body(raw: Raw) -> str | None:
    if text := as_text(raw.get("plain_text")).strip():
        return text
    if page := as_text(raw.get("simplified_html")).strip():
        return read_html(page)
    is_cut = raw.get("preview_is_truncated") is True or raw.get("has_more") is True
    return None if is_cut else as_text(raw.get("preview_plain_text")).strip() or None


def _with_header(raw: Raw, body: str) -> str:
    header = [("Subject", as_text(raw.get("subject") or raw.get("title")))]
    header += [(name.title(), _addresses(raw.get(name))) for name in ("from", "to", "cc")]
    header.append(("Date", as_text(as_map(raw.get("headers")).get("date"))))
    return "\n".join(f"{name}: {value}" for name, value in header if value) + f"\n\n{body}"


def _addresses(value: object) -> str:
    people = (as_text(one.get("original")) or as_text(one.get("address")) for one in as_list(value))
    return ", ".join(person for person in people if person)


def _read_post(text: str) -> str:
    """Return the text of a canvas or post, which may be HTML, JSON or plain text."""
    start = text.lstrip()[:1]
    if start == "{":
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            return text.strip()
        page = as_text(tree.get("full"))
        return read_html(page) if page else _read_tree(tree)
    return read_html(text) if start == "<" else text.strip()


def _read_tree(tree: object) -> str:
    """Return the texts of a JSON document, in order, one a line."""
    lines, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            lines += [node["text"].strip()] if isinstance(node.get("text"), str) else []
            waiting += [value for value in reversed(node.values()) if isinstance(value, dict | list)]
        elif isinstance(node, list):
            waiting += reversed(node)
    return "\n\n".join(line for line in lines if line)


# ---------------------------------------------------------------- HTML


class _Page(HTMLParser):
    """Collects the visible text of a page as lines of Markdown."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[list[str]] = [[]]
        self._hidden: list[str] = []
        """The element that is hidden, once for each element of this kind in it that is open."""
        self._open: Counter[str] = Counter()
        self._has_row: list[bool] = []
        """Whether each open table has a row."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if self._hidden or tag in _SKIPPED or _is_hidden(values):
            self._hidden += [tag] if tag not in _VOID and tag == (self._hidden or [tag])[-1] else []
            return
        self._open[tag] += 1
        if tag == "table":
            self._has_row.append(False)
        elif tag == "tr":
            self._end_row()
        if tag in _HEADINGS:
            self._lines += [[], [_HEADINGS[tag]]]
        elif tag == "li":
            self._lines.append(["- "])
        elif tag in _CELLS:
            self._lines[-1].append(" | " if self._lines[-1] else "| ")
        elif tag == "img":
            self._lines[-1].append(values.get("alt", ""))
        elif tag in _PARAGRAPHS:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.pop()
            return
        self._open[tag] -= self._open[tag] > 0
        if tag in ("tr", "table"):
            self._end_row()
        if tag == "table" and self._has_row:
            self._has_row.pop()
        if tag in _HEADINGS or tag == "li" or tag in _PARAGRAPHS:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._open["pre"]:
            first, *rest = data.split("\n")
            self._lines[-1].append(first)
            self._lines += [[line] for line in rest]
        elif self._lines[-1] or not data.isspace():
            self._lines[-1].append(re.sub(r"\s+", " ", data))

    def text(self) -> str:
        """Return the collected text, without several empty lines in a row."""
        shown = (_UNNAMED_MENTION.sub(_name, "".join(line)).rstrip() for line in self._lines)
        return re.sub(r"\n{3,}", "\n\n", "\n".join(shown)).strip()

    def _break(self, tag: str) -> None:
        if any(self._open[cell] for cell in _CELLS):
            self._lines[-1].append(" ")
        elif tag == "p" and self._lines[-1] == ["- "]:  # the paragraph of a list item
            return
        elif tag != "tr" or self._lines[-1]:
            self._lines += [[]] if tag in ("br", "tr", "li") else [[], []]

    def _end_row(self) -> None:
        for cell in _CELLS:  # a cell may end without its tag
            self._open[cell] = 0
        if self._lines[-1][:1] != ["| "]:
            return
        row = " ".join("".join(self._lines.pop()).split())
        self._lines.append([f"{row} |"])
        if self._has_row and not self._has_row[-1]:  # Markdown marks the first row
            self._has_row[-1] = True
            self._lines.append(["|" + " --- |" * (row.count(" | ") + 1)])
        self._lines.append([])


def _is_hidden(attributes: dict[str, str]) -> bool:
    style = re.sub(r"\s", "", attributes.get("style", "")).lower()
    return "hidden" in attributes or "display:none" in style or "visibility:hidden" in style


def _name(mention: re.Match[str]) -> str:
    return resolve(without_mention(mention[0], ""), {})
