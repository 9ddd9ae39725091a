"""`magpie ask`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import answer_json
from bot.cli.results import EMPTY, is_empty, note_translations
from bot.cli.terminal import Screen
from rag import Answer, Scope


def register(app: typer.Typer) -> None:
    app.command()(ask)


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    picture: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A screenshot that the question is about.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Answer a question from the indexed files, with page citations and pictures of the cited places."""
    with invocation(context).open(data, json) as (rag, screen):
        streamed: list[str] = []

        def on_text(piece: str) -> None:
            streamed.append(piece)
            screen.stream(piece)

        screen.note_if_terminal("Searching …")
        answer = rag.ask(question, Scope.operator(), [picture] if picture else [], on_text)
        screen.write_json(answer_json(answer))
        if answer.abstained and is_empty(rag):
            screen.say(EMPTY, style="bold")
            return
        show_answer(screen, answer, "".join(streamed))
        note_translations(screen, answer.found)


def show_answer(screen: Screen, answer: Answer, streamed: str = "") -> None:
    """Print the answer with its citations and pictures. `streamed` is the text that was already printed."""
    notice = f"{answer.notice} {answer.remedy}".rstrip() if answer.notice else ""
    if streamed:
        screen.say()
        if streamed.strip() != answer.text.strip():
            screen.say()
            screen.say("After checking against the pages:", style="dim")
            screen.say(answer.text)
        if notice:
            screen.say()
            screen.say(notice, style="yellow")
    else:
        if notice:
            screen.say(notice, style="yellow")
            screen.say()
        screen.say(answer.text)
    places = [f"[{passage.number}] {passage.hit.region_label}" for passage in answer.cited]
    if any(place not in answer.text for place in places):  # quoted passages already name their places
        screen.say()
        for place in places:
            screen.say(place, style="bold")
    if answer.evidence:
        screen.say()
        screen.say("Pictures of the cited places:")
        for path in answer.evidence:
            screen.path(path)
