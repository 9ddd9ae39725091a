"""demo: a workspace of its own with the real bot in it, as a page in the browser, or as a story that is played."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
import webbrowser
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.answers.render import is_working
from bot.cli.context import Data, Invocation, invocation
from bot.cli.demo_messages import show_message
from bot.cli.terminal import Screen
from bot.demo.people import Lookout, connected, samples, settle
from bot.demo.samples import SCREENSHOT, draw_samples

if TYPE_CHECKING:
    from bot.demo.slack_server import Message, Workspace
    from bot.main import Bot

FOLDER = Path("demo-data")
"""Where the demo lives when nobody says otherwise: not in the user's own data folder."""

QUESTIONS = (
    ("the words of a passage", "What should the watch do when a relay loses power during a storm?"),
    ("a number in a table", "How many hours does the battery of the Crane Nine relay last?"),
    ("a label drawn in a figure, in no text", "How many days does the driftwood buffer hold?"),
    ("a page that was scanned", "Where was the antenna bracket cracked?"),
    ("something in no file", "How many weeks of parental leave do employees get?"),
)

_READING = 240
_ANSWERING = 240
_PAUSE = 5.0


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    context: typer.Context,
    script: Annotated[
        bool, typer.Option("--script", help="Play the story first; without a terminal, end then.")
    ] = False,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    port: Annotated[int, typer.Option("--port", help="Port of the page; 0: a free one.", min=0, max=65535)] = 0,
    data: Data = None,
) -> None:
    """Open a workspace on this machine as a page in the browser, with Magpie in it, until Ctrl-C."""
    shared, screen = invocation(context), Screen()
    logging.getLogger("magpie").setLevel(logging.WARNING)  # what is off is told where the story or the page tells it
    try:
        if script:
            _play(shared, data, screen, port, browser)
        else:
            _keep_open(shared, data, screen, port, browser)
    except KeyboardInterrupt:
        screen.note("The workspace is closed; what was written and shared there is gone.")


def _keep_open(shared: Invocation, data: Path | None, screen: Screen, port: int, browser: bool) -> None:
    """The page answers before the bot is there, which takes some seconds to load."""
    from bot.demo.slack_server import open_workspace

    settings = shared.settings(data, FOLDER)
    with open_workspace(port) as ws:
        settle(ws)
        _offer(ws, settings.data)
        _show_page(screen, ws, browser)
        with connected(ws, settings) as (bot, running):
            ws.page.off = Lookout(bot.rag.doctor, _command())
            running.result()


def _offer(ws: Workspace, folder: Path) -> None:
    ws.page.samples = samples(folder / "samples", [question for _, question in QUESTIONS])
    ws.page.off = lambda _: None  # not known before the bot is there


def _show_page(screen: Screen, ws: Workspace, browser: bool) -> None:
    screen.say(
        "The workspace is open in your browser at" if browser else "The workspace is open. In your browser, go to"
    )
    screen.address(ws.page.url)
    screen.note("Only this machine reaches it, with the secret in the address. Ctrl-C closes it.")
    if browser and not webbrowser.open(ws.page.url):
        screen.note("No browser could be started: open the address by hand.", style="yellow")


def _play(shared: Invocation, data: Path | None, screen: Screen, port: int, browser: bool) -> None:
    started = time.monotonic()
    screen.note("Magpie's demo: a workspace on this machine, two invented documents, five questions, a screenshot.")
    folder = shared.data_folder(data, FOLDER)
    drawn = draw_samples(folder / "samples")
    with _stage(shared, data, screen, drawn, port) as stage:
        _read(stage)
        total = len(QUESTIONS) + 1
        for number, (about, question) in enumerate(QUESTIONS, 1):
            _title(screen, number, total, about)
            _ask(stage, f"<@{stage.ws.bot_user}> {question}")
        _title(screen, total, total, "a screenshot")
        _ask(stage, f"<@{stage.ws.bot_user}>", [folder / "samples" / SCREENSHOT])
        lanes = stage.bot.rag.status().lanes
        answered = not any("No model is" in str(message.blocks) for message in stage.ws.messages(stage.room))
        stays = sys.stdout.isatty() or browser
        _next(screen, time.monotonic() - started, answered, lanes.get("clip-picture") == "on", stays)
        if stays:
            screen.say()
            _show_page(screen, stage.ws, browser)
            stage.running.result()


@dataclass(frozen=True)
class _Stage:
    ws: Workspace
    bot: Bot
    running: Future[None]
    screen: Screen
    folder: Path
    room: str
    ben: str
    shared: str


@contextmanager
def _stage(shared: Invocation, data: Path | None, screen: Screen, drawn: list[Path], port: int) -> Iterator[_Stage]:
    """The workspace, where Ada shares the PDFs, and the bot connected to it."""
    from bot.demo.slack_server import open_workspace

    settings = shared.settings(data, FOLDER)
    with open_workspace(port) as ws:
        town = settle(ws)
        _offer(ws, settings.data)
        files = [(path.name, path.read_bytes()) for path in drawn if path.suffix == ".pdf"]
        # Before the bot comes: it would otherwise forget what an earlier demo shared, and read it all again.
        ts = ws.post(town.ada, town.room, "The handbook, and what became of the sensors.", files=files)
        with connected(ws, settings) as (bot, running):
            ws.page.off = Lookout(bot.rag.doctor, _command())
            if not running.done():
                yield _Stage(ws, bot, running, screen, settings.data, town.room, town.ben, ts)


def _read(stage: _Stage) -> None:
    """Wait for the receipt under Ada's message, which says that her files can be found."""
    from bot.jobs.loops import READ, UNREADABLE

    ws, ts = stage.ws, stage.shared
    stage.screen.rule("#harbour-watch")
    told = time.monotonic()
    until = told + _READING
    while not {READ, UNREADABLE} & set(ws.message(stage.room, ts).reactions):
        if time.monotonic() > until:
            raise TimeoutError("the documents were not read in four minutes; `magpie doctor` may say why")
        if time.monotonic() - told > _PAUSE:
            told = time.monotonic()
            status = stage.bot.rag.status()
            stage.screen.note(f"  Reading the documents: {status.pages} pages so far …")
        stage.bot.stop.wait(0.1)
    _show(stage, [ws.message(stage.room, ts)])


def _ask(stage: _Stage, text: str, pictures: list[Path] | None = None) -> None:
    """Ben asks; the thread is shown when the answer stands in it."""
    ws, room = stage.ws, stage.room
    files = [(path.name, path.read_bytes()) for path in pictures or ()]
    ts = ws.post(stage.ben, room, text, files=files)

    def ended() -> bool:
        thread = ws.thread(room, ts)
        shown = sum(message.user == ws.bot_user and bool(message.files) for message in ws.messages(room))
        answered = len(thread) > 1 and not is_working(thread[1].blocks) and not thread[0].reactions
        return answered and shown == len(ws.called("files.completeUploadExternal"))

    ws.wait(ended, _ANSWERING, "an answer")
    ws.settled()
    _show(stage, ws.thread(room, ts))


def _show(stage: _Stage, thread: list[Message]) -> None:
    """The messages as they are read in Slack; the pictures the bot sent, as files to look at."""
    stage.screen.say()
    for message in thread:
        mine = message.user == stage.ws.bot_user
        paths = [_kept(stage, id) for id in message.files] if mine else []
        show_message(stage.screen, stage.ws, message, paths, indent=4 if message is not thread[0] else 0)


def _kept(stage: _Stage, file: str) -> Path:
    """A picture as it was uploaded, in a folder beside the data."""
    sent = stage.ws.file(file)
    path = stage.folder / "sent" / sent.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sent.data)
    return path


def _title(screen: Screen, number: int, total: int, about: str) -> None:
    screen.say()
    screen.rule(f"{number} of {total}: {about}")


def _next(screen: Screen, seconds: float, answered: bool, pictures: bool, stays: bool) -> None:
    magpie = _command()
    screen.say()
    screen.rule(f"That was the demo, in {seconds:.0f} seconds")
    if not stays:
        screen.say("The same in your browser, to try it by hand:", style="bold")
        screen.say(f"{magpie} demo", indent=2)
    screen.say("Now with files of your own:", style="bold")
    screen.say(f"{magpie} index ~/Documents", indent=2)
    screen.say(f'{magpie} ask "…"', indent=2)
    screen.say("In your own Slack: follow docs/connect-slack.md, then:", style="bold")
    screen.say(f"{magpie} run", indent=2)
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
