"""demo: a local workspace with the real bot, as a page in the browser or as a scripted tour."""

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

from bot.cli.context import Data, Invocation, invocation
from bot.cli.demo_messages import show_message
from bot.cli.manifest import AGENT_MANIFEST
from bot.cli.terminal import Screen
from bot.demo.people import FeatureCheck, create_team, run_bot, sample_documents
from bot.demo.samples import SCREENSHOT, draw_samples
from bot.slack.buttons import is_working
from rag import TryAgain

if TYPE_CHECKING:
    from bot.demo.slack_server import Message, Workspace
    from bot.main import Bot

FOLDER = Path("demo-data")
"""Default data folder of the demo, separate from the user's own."""

QUESTIONS = (
    ("the words of a passage", "What should the watch do when a relay loses power during a storm?"),
    ("a number in a table", "How many hours does the battery of the Crane Nine relay last?"),
    ("a label that exists only in a drawing", "How many days does the driftwood buffer hold?"),
    ("a scanned page", "Where was the antenna bracket cracked?"),
    ("something that is in no file", "How many weeks of parental leave do employees get?"),
)

_READ_TIMEOUT = 240
_ANSWER_TIMEOUT = 240
_PROGRESS_INTERVAL = 5.0
_REMEDY = "To find out why, run `magpie doctor`."


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    context: typer.Context,
    script: Annotated[
        bool, typer.Option("--script", help="Run a scripted tour first. Without a terminal, exit after it.")
    ] = False,
    browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    port: Annotated[int, typer.Option("--port", help="Port of the page. 0 chooses a free one.", min=0, max=65535)] = 0,
    agent: Annotated[
        bool, typer.Option("--agent", help="Declare the app an agent, with Slack's own Stop and sessions.")
    ] = False,
    data: Data = None,
) -> None:
    """Open a local workspace with Magpie as a page in the browser, until Ctrl-C."""
    shared, screen = invocation(context), Screen()
    logging.getLogger("magpie").setLevel(logging.WARNING)  # the page and the tour show what is not set up
    try:
        if script:
            _run_script(shared, data, screen, Page(port, browser, is_agent=agent))
        else:
            _keep_open(shared, data, screen, Page(port, browser, is_agent=agent))
    except KeyboardInterrupt:
        screen.note(
            "The workspace is closed and its messages are gone. "
            f"Indexed files stay in {data or FOLDER} until the next start."
        )


@dataclass(frozen=True)
class Page:
    """How the workspace is opened: the port of its page, whether a browser shows it, and the app's manifest."""

    port: int
    browser: bool
    is_agent: bool = False

    @contextmanager
    def open(self) -> Iterator[Workspace]:
        from bot.demo.slack_server import open_workspace

        with open_workspace(self.port, manifest=AGENT_MANIFEST if self.is_agent else None) as ws:
            yield ws


def _keep_open(shared: Invocation, data: Path | None, screen: Screen, page: Page) -> None:
    """Open the page at once; the bot takes some seconds to load."""
    settings = shared.settings(data, FOLDER)
    with page.open() as ws:
        create_team(ws)
        _add_samples(ws, settings.data)
        _show_page(screen, ws, page.browser)
        with run_bot(ws, settings) as (bot, running):
            ws.page.off = FeatureCheck(bot.rag.doctor, _command())
            running.result()


def _add_samples(ws: Workspace, folder: Path) -> None:
    ws.page.samples = sample_documents(folder / "samples", [question for _, question in QUESTIONS])
    ws.page.off = lambda _: None  # unknown until the bot runs


def _show_page(screen: Screen, ws: Workspace, browser: bool) -> None:
    screen.say(
        "The workspace is open in your browser at" if browser else "The workspace is open. In your browser, go to"
    )
    screen.address(ws.page.url)
    screen.note("The address works on this machine only and contains a secret. Ctrl-C closes the workspace.")
    if browser and not webbrowser.open(ws.page.url):
        screen.note("Could not start a browser. Open the address yourself.", style="yellow")


def _run_script(shared: Invocation, data: Path | None, screen: Screen, page: Page) -> None:
    started = time.monotonic()
    screen.note("Magpie's demo: a local workspace, two invented documents, five questions and a screenshot.")
    folder = shared.data_folder(data, FOLDER)
    drawn = draw_samples(folder / "samples")
    with _open_tour(shared, data, screen, drawn, page) as tour:
        _wait_until_read(tour)
        total = len(QUESTIONS) + 1
        for number, (about, question) in enumerate(QUESTIONS, 1):
            _title(screen, number, total, about)
            _ask(tour, f"<@{tour.ws.bot_user}> {question}")
        _title(screen, total, total, "a screenshot")
        _ask(tour, f"<@{tour.ws.bot_user}>", [folder / "samples" / SCREENSHOT])
        lanes = tour.bot.rag.status().lanes
        answered = not any("no written answer" in str(message.blocks) for message in tour.ws.messages(tour.channel))
        stays = sys.stdout.isatty() or page.browser
        _show_next_steps(screen, time.monotonic() - started, answered, lanes.get("clip-picture") == "on", stays)
        if stays:
            screen.say()
            _show_page(screen, tour.ws, page.browser)
            tour.running.result()


@dataclass(frozen=True)
class _Tour:
    ws: Workspace
    bot: Bot
    running: Future[None]
    screen: Screen
    folder: Path
    channel: str
    ben: str
    shared: str


@contextmanager
def _open_tour(shared: Invocation, data: Path | None, screen: Screen, drawn: list[Path], page: Page) -> Iterator[_Tour]:
    """Open the workspace, share the PDFs as Ada, and connect the bot."""
    settings = shared.settings(data, FOLDER)
    with page.open() as ws:
        team = create_team(ws)
        _add_samples(ws, settings.data)
        files = [(path.name, path.read_bytes()) for path in drawn if path.suffix == ".pdf"]
        # Share before the bot starts. Otherwise it would delete what an earlier demo shared and read it all again.
        ts = ws.post(team.ada, team.channel, "The handbook, and the report on the sensors.", files=files)
        with run_bot(ws, settings) as (bot, running):
            ws.page.off = FeatureCheck(bot.rag.doctor, _command())
            if not running.done():
                yield _Tour(ws, bot, running, screen, settings.data, team.channel, team.ben, ts)


def _wait_until_read(tour: _Tour, seconds: float = _READ_TIMEOUT) -> None:
    """Wait for the reaction on Ada's message that says whether her files were indexed."""
    from bot.jobs.receipts import RECEIPTS

    ws, ts = tour.ws, tour.shared
    tour.screen.rule("#harbour-watch")
    reported = time.monotonic()
    deadline = reported + seconds
    while not set(RECEIPTS) & set(ws.message(tour.channel, ts).reactions):
        if time.monotonic() > deadline:
            raise TryAgain("The documents were not read in four minutes.", _REMEDY)
        if time.monotonic() - reported > _PROGRESS_INTERVAL:
            reported = time.monotonic()
            status = tour.bot.rag.status()
            tour.screen.note(f"  Reading the documents: {status.pages} pages so far …")
        tour.bot.stop.wait(0.1)
    _show(tour, [ws.message(tour.channel, ts)])


def _ask(tour: _Tour, text: str, pictures: list[Path] | None = None, seconds: float = _ANSWER_TIMEOUT) -> None:
    """Ask as Ben and print the thread once the answer is complete."""
    ws, channel = tour.ws, tour.channel
    files = [(path.name, path.read_bytes()) for path in pictures or ()]
    ts = ws.post(tour.ben, channel, text, files=files)

    def is_answered() -> bool:
        thread = ws.thread(channel, ts)
        uploads = sum(message.user == ws.bot_user and bool(message.files) for message in ws.messages(channel))
        answered = len(thread) > 1 and not is_working(thread[1].blocks) and not thread[0].reactions
        return answered and uploads == len(ws.called("files.completeUploadExternal"))

    try:
        ws.wait(is_answered, seconds, "an answer")
    except TimeoutError as error:
        raise TryAgain("A question was not answered in four minutes.", _REMEDY) from error
    ws.settled()
    _show(tour, ws.thread(channel, ts))


def _show(tour: _Tour, thread: list[Message]) -> None:
    """Print the messages as Slack shows them. Save the bot's pictures and print their paths."""
    tour.screen.say()
    for message in thread:
        from_bot = message.user == tour.ws.bot_user
        paths = [_save(tour, id) for id in message.files] if from_bot else []
        show_message(tour.screen, tour.ws, message, paths, indent=4 if message is not thread[0] else 0)


def _save(tour: _Tour, file: str) -> Path:
    """Save an uploaded picture in the data folder."""
    uploaded = tour.ws.file(file)
    path = tour.folder / "sent" / uploaded.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(uploaded.data)
    return path


def _title(screen: Screen, number: int, total: int, about: str) -> None:
    screen.say()
    screen.rule(f"{number} of {total}: {about}")


def _show_next_steps(screen: Screen, seconds: float, answered: bool, pictures: bool, stays: bool) -> None:
    magpie = _command()
    screen.say()
    screen.rule(f"That was the demo, in {seconds:.0f} seconds")
    if not stays:
        screen.say("To try it yourself in your browser:", style="bold")
        screen.say(f"{magpie} demo", indent=2)
    screen.say("To use your own files:", style="bold")
    screen.say(f"{magpie} index ~/Documents", indent=2)
    screen.say(f'{magpie} ask "…"', indent=2)
    screen.say("In your own Slack: follow docs/connect-slack.md, then:", style="bold")
    screen.say(f"{magpie} run", indent=2)
    if not answered:
        screen.say("To get written answers instead of passages (needs Ollama and 6 GB of memory):", style="bold")
        screen.say("ollama pull qwen3-vl:4b-instruct", indent=2)
    if not pictures:
        screen.say("To search pictures by what they show (downloads 0.6 GB of weights without a GPU):", style="bold")
        screen.say(f"{magpie} models pull", indent=2)
    screen.say("If something does not work:", style="bold")
    screen.say(f"{magpie} doctor", indent=2)


def _command() -> str:
    """Return how this command was called, so that the printed commands can be pasted."""
    called = Path(sys.argv[0])
    if called.name != "magpie" or shutil.which("magpie") == str(called):
        return "magpie"
    return os.path.relpath(called)
