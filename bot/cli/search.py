"""ask and find: what comes back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.index import lanes_off
from bot.cli.invocation import Data, Json, file_named, invocation
from bot.cli.json_output import answer_shape, found_shape
from bot.cli.terminal import Screen
from rag import Answer, Hit, Scope

SNIPPET = 180
"""Letters of a hit's text shown."""
LEAD = 6
"""Words shown before the first that was asked for."""


def register(app: typer.Typer) -> None:
    app.command()(ask)
    app.command()(find)


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    picture: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A screenshot the question is about.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Answer from what is indexed, with the pages it rests on and pictures of the places."""
    with invocation(context).open(data, json) as (rag, screen):
        streamed: list[str] = []

        def on_text(piece: str) -> None:
            streamed.append(piece)
            screen.piece(piece)

        screen.waiting("Looking …")
        answer = rag.ask(question, Scope.operator(), picture, on_text)
        screen.data(answer_shape(answer))
        show_answer(screen, answer, "".join(streamed))
        lanes_off(screen, answer.found.lanes)


def find(
    context: typer.Context,
    query: Annotated[str, typer.Argument(metavar='"WORDS"|IMAGE', help="Words, or the path of a picture.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Pages to show.")] = 10,
    data: Data = None,
    json: Json = False,
) -> None:
    """Find pages by words, or the page that a screenshot shows."""
    with invocation(context).open(data, json) as (rag, screen):
        picture = file_named(query)
        screen.waiting("Looking …")
        if picture is not None:
            found = rag.find_picture(picture, Scope.operator(), k)
        else:
            found = rag.find(query, Scope.operator(), k)
        screen.data(found_shape(found))
        if not found.found:
            screen.say(found.why or "Nothing was found.", style="bold")
            if found.hits:
                screen.say("The nearest pages, for what they are worth:")
        for hit in found.hits:
            show_hit(screen, hit, "" if picture else query)
        if found.notice:
            screen.note(found.notice)
        lanes_off(screen, found.lanes)


def show_answer(screen: Screen, answer: Answer, streamed: str = "", notice: bool = True) -> None:
    """The answer with its citations and pictures; `streamed` is what the reader saw come."""
    if streamed:
        screen.say()
        if streamed.strip() != answer.text.strip():
            screen.say()
            screen.say("Checked against the pages:", style="dim")
            screen.say(answer.text)
        if answer.notice:
            screen.say()
            screen.say(f"{answer.notice} {answer.remedy}".rstrip(), style="yellow")
    else:
        if answer.notice and notice:
            screen.say(f"{answer.notice} {answer.remedy}".rstrip(), style="yellow")
            screen.say()
        screen.say(answer.text)
    places = [f"[{passage.number}] {passage.hit.spot}" for passage in answer.cited]
    if any(place not in answer.text for place in places):  # quoted passages carry their places already
        screen.say()
        for place in places:
            screen.say(place, style="bold")
    if answer.evidence:
        screen.say()
        screen.say("Pictures of these places:")
        for path in answer.evidence:
            screen.path(path)


def show_hit(screen: Screen, hit: Hit, query: str = "") -> None:
    """A hit: where, by which lanes, what proves it, and the piece of its text that holds most of the query's words."""
    lanes = " · ".join(f"{lane} {rank}" for lane, rank in hit.lanes.items())
    screen.say(f"{hit.rank:>2}  {hit.place}", style="bold")
    screen.say(f"{hit.kind.value}; {lanes}" if lanes else hit.kind.value, style="dim", indent=4)
    if hit.why:
        x0, y0, x1, y1 = (f"{100 * value:.0f}" for value in hit.box)
        screen.say(f"{hit.why} It is {x0} to {x1} % across and {y0} to {y1} % down the page.", indent=4)
    text = snippet(hit.text or hit.caption, query)
    if text:
        screen.say(text, indent=4)
    if hit.also:
        screen.say(f"The same is said by {'; '.join(hit.also)}.", style="dim", indent=4)


def snippet(text: str, query: str) -> str:
    """About SNIPPET letters of whole words, from where most of the query's longer words stand together."""
    words = text.split()
    wanted = {word for word in _letters(query) if len(word) > 3}

    def end(first: int) -> int:
        last, length = first, 0
        while last < len(words) and length + len(words[last]) < SNIPPET:
            length += len(words[last]) + 1
            last += 1
        return last

    starts = [place for place, word in enumerate(words) if wanted & _letters(word)]
    best = max(starts, key=lambda first: len(wanted & _letters(" ".join(words[first : end(first)]))), default=0)
    first = max(0, best - LEAD) if end(0) < len(words) else 0
    last = max(end(first), first + 1)  # a script without spaces is one long word
    piece = " ".join(words[first:last])[:SNIPPET]
    return f"{'… ' if first else ''}{piece}{' …' if last < len(words) else ''}"


def _letters(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
