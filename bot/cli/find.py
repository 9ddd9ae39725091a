"""`magpie find`"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Json, existing_file, invocation
from bot.cli.json_output import found_json
from bot.cli.results import EMPTY, is_empty, note_translations
from bot.cli.terminal import Screen
from bot.slack.messages.answer_texts import newer_version
from rag import Scope

if TYPE_CHECKING:
    from rag import Hit

SNIPPET = 180
"""Length of the text shown for a hit, in characters."""

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".avif")

_MATCHED_BY = {
    "words": "words",
    "messages": "words of the message",
    "file-names": "file name",
    "overview": "overview",
    "translations": "words of a translation",
    "place": "page number",
    "text-vectors": "meaning",
    "clip-picture": "picture",
    "clip-text": "picture",
    "pixels": "image",
    "page-images": "page image",
}
"""Lanes by what they match, for people."""


def register(app: typer.Typer) -> None:
    app.command()(find)


def find(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar='"WORDS"|IMAGE', help="Words, or the path of an image.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Number of pages to show.")] = 10,
    data: Data = None,
    json: Json = False,
) -> None:
    """Find pages by words, or the page that a screenshot shows."""
    with invocation(context).open(data, json) as (rag, screen):
        picture = existing_file(query)
        screen.note_if_terminal("Searching …")
        rag.load_reranker()
        if picture is not None:
            found = rag.find_picture(picture, Scope.operator(), k)
        else:
            found = rag.find(query, Scope.operator(), k)
        screen.write_json(found_json(found))
        if not found.found:
            why = found.why or "Nothing was found."
            screen.say(EMPTY if not found.hits and is_empty(rag) else why, style="bold")
            if found.hits:
                screen.say("The closest pages:")
        if picture is None and Path(query).suffix.lower() in _PICTURES:
            screen.note(f"No file is called {query}. Searched for it as words instead.")
        whole = {(hit.document, hit.page) for hit in found.hits if not (hit.text or hit.caption)}
        texts = {} if picture else rag.page_texts(whole, Scope.operator())
        for hit in found.hits:
            text = texts.get((hit.document, hit.page), hit.text)
            show_hit(screen, replace(hit, text=text), "" if picture else query)
        note_translations(screen, found)
        if found.notice:
            screen.note(found.notice)


def show_hit(screen: Screen, hit: Hit, query: str = "") -> None:
    """Print a hit: its page, what matched, the proof if there is one, and the part of its text closest to the query."""
    from rag import quote  # loads the analyzers, which --help does not need

    matched = list(dict.fromkeys(_MATCHED_BY.get(lane, lane) for lane in hit.lanes))
    screen.say(f"{hit.rank:>2}  {hit.place}", style="bold")
    screen.say(f"{hit.kind.value}{f' · matched by {_and(matched)}' if matched else ''}", style="dim", indent=4)
    if hit.why:
        x0, y0, x1, y1 = (f"{100 * value:.0f}" for value in hit.box)
        screen.say(f"{hit.why} Position on the page: {x0}–{x1} % across, {y0}–{y1} % down.", indent=4)
    text = quote(hit.text or hit.caption, query, SNIPPET)
    if text:
        screen.say(text, indent=4)
    if hit.newer:
        screen.say(newer_version(hit.newer), style="dim", indent=4)
    if hit.also:
        screen.say(f"The same text is also in {'; '.join(hit.also)}.", style="dim", indent=4)


def _and(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
