"""demo: a story on the samples, from the files to the cited pages."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.filing import lanes_off
from bot.commands.searching import show_answer
from bot.invocation import Data, Engine, invocation
from bot.samples import SCREENSHOT, draw_samples
from bot.screen import Screen, count
from rag import Mode, Scope

FOLDER = Path("demo-data")
"""Where the demo lives when nobody says otherwise: not in the user's own data folder."""

QUESTIONS = (
    ("the words of a passage", "What should the watch do when a relay loses power during a storm?"),
    ("a number in a table", "How many hours does the battery of the Crane Nine relay last?"),
    ("a label drawn in a figure, in no text", "How many days does the driftwood buffer hold?"),
    ("a page that was scanned", "Where was the antenna bracket cracked?"),
    ("something in no file", "How many weeks of parental leave do employees get?"),
)


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    context: typer.Context,
    script: Annotated[bool, typer.Option("--script", help="Play the story and end.")] = False,
    data: Data = None,
) -> None:
    """Play a story on invented documents: index them, ask, send a screenshot."""
    if not script:
        raise typer.BadParameter("the story is all there is to the demo so far: add --script")
    started = time.monotonic()
    Screen().note("Magpie's demo: two invented documents, five questions and a screenshot.")
    with invocation(context).open(data, False, default=FOLDER) as (rag, screen):
        folder = invocation(context).data_folder(data, FOLDER) / "samples"
        pdfs = [path for path in draw_samples(folder) if path.suffix == ".pdf"]
        _index(rag, screen, pdfs)
        total = len(QUESTIONS) + 1
        answered = False
        for number, (about, question) in enumerate(QUESTIONS, 1):
            _title(screen, number, total, about, question)
            answer = rag.ask(question, Scope.operator())
            answered = answered or answer.mode is not Mode.PASSAGES
            show_answer(screen, answer, notice=number == 1)
        _title(screen, total, total, "a screenshot", "Which page is this?")
        _screenshot(rag, screen, folder / SCREENSHOT)
        lanes = rag.status().lanes
        _next(screen, time.monotonic() - started, answered, lanes.get("clip-picture") == "on")


def _index(rag: Engine, screen: Screen, pdfs: list[Path]) -> None:
    with screen.progress("Reading the documents") as report:
        outcomes = rag.index(pdfs, report=report)
    screen.say("The documents", style="bold")
    for outcome in outcomes:
        known = "read on an earlier run" if outcome.state == "unchanged" else outcome.state
        screen.say(f"{outcome.file}, {count(outcome.pages, 'page')}: {outcome.reason or known}", indent=2)
    lanes_off(screen, rag.status().lanes)
    if any(outcome.state == "failed" for outcome in outcomes):
        raise typer.Exit(1)


def _title(screen: Screen, number: int, total: int, about: str, question: str) -> None:
    screen.say()
    screen.rule(f"{number} of {total}: {about}")
    screen.say(f"“{question}”", style="bold cyan")
    screen.say()


def _screenshot(rag: Engine, screen: Screen, picture: Path) -> None:
    screen.say("The screenshot sent:")
    screen.path(picture)
    screen.say()
    found = rag.find_picture(picture, Scope.operator(), 3)
    if not found.found or not found.hits:
        screen.say(found.why or "No page was recognised.")
        return
    hit = found.hits[0]
    screen.say("This is part of")
    screen.say(f"[1] {hit.place}", style="bold")
    if hit.render is not None:
        screen.say()
        screen.say("Picture of this page:")
        screen.path(hit.render)


def _next(screen: Screen, seconds: float, answered: bool, pictures: bool) -> None:
    magpie = _command()
    screen.say()
    screen.rule(f"That was the demo, in {seconds:.0f} seconds")
    screen.say("Now with files of your own:", style="bold")
    screen.say(f"{magpie} index ~/Documents", indent=2)
    screen.say(f'{magpie} ask "…"', indent=2)
    if not answered:
        screen.say(
            "To have answers written, not only the passages shown (needs Ollama and 6 GB of memory):", style="bold"
        )
        screen.say("ollama pull qwen3-vl:4b-instruct", indent=2)
    if not pictures:
        screen.say("To find pictures by what they show (fetches weights, 0.6 GB without a GPU):", style="bold")
        screen.say(f"{magpie} models pull", indent=2)
    screen.say("If something does not work:", style="bold")
    screen.say(f"{magpie} doctor", indent=2)


def _command() -> str:
    """How this command was called, so that the lines above can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "magpie" or shutil.which("magpie") == str(called):
        return "magpie"
    return os.path.relpath(called)
