"""The command `magpie`: its options, its exit codes, and what a person reads when something is wrong.

Exit codes: 0 done, 1 found wrong (a file failed, a check failed, nothing forgotten, an error), 2 used wrong,
130 or 143 stopped by a signal.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import typer

from bot.cli import demo, embedder, evaluate, index, run, search, status, train
from bot.cli.invocation import Data, Engine, Invocation, Json, Opener, invocation
from bot.cli.redaction import Mask, noting
from bot.cli.terminal import Screen
from rag import BadSetting, MagpieError, Settings, hide_memory

DONE, FOUND_WRONG, USED_WRONG = 0, 1, 2
INTERRUPTED, TERMINATED = 130, 143

log = logging.getLogger("magpie")


def open_engine(settings: Settings) -> AbstractContextManager[Engine]:
    """The real engine. Looked up here, so that `--help` loads none of it."""
    from bot.db import tables
    from rag import open_rag

    return open_rag(settings, histories=[tables.HISTORY])


def build_app() -> typer.Typer:
    """The command with its subcommands; `main` runs it."""
    app = typer.Typer(
        name="magpie",
        help="Find the page again: answers with page numbers and pictures, from files that stay on your machine.",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_shared)
    for module in (run, index, search, evaluate, train, status, embedder, demo):
        module.register(app)
    return app


def _shared(context: typer.Context, data: Data = None, json: Json = False) -> None:
    shared = invocation(context)
    shared.data, shared.json = data, json


def main(arguments: Sequence[str] | None = None, opener: Opener = open_engine) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        hide_memory()  # the tokens are in this process's environment
    screen, mask = Screen(), Mask.of(os.environ)
    stopped: list[int] = []
    try:
        with _private(), _terminable(stopped), noting(screen.note, mask):
            code = _run(given or ["--help"], Invocation(opener))
    except typer.TyperException as error:
        screen.note(mask(error.format_message()), style="bold red")
        screen.note("`magpie --help` lists the commands, `magpie COMMAND --help` what each takes.", style="")
        return USED_WRONG
    except MagpieError as error:
        screen.note(mask(str(error)), style="bold red")
        if error.hint:
            screen.note(mask(error.hint), style="")
        return USED_WRONG if isinstance(error, BadSetting) else FOUND_WRONG
    if code == INTERRUPTED:
        screen.note("Stopped. What was done is kept; the same command continues where it stopped.", style="")
        return TERMINATED if stopped else INTERRUPTED
    if not given:
        return USED_WRONG
    return code if isinstance(code, int) else DONE


def _run(given: list[str], invocation: Invocation) -> Any:
    command: Any = typer.main.get_command(build_app())
    try:
        return command.main(args=given, prog_name="magpie", standalone_mode=False, obj=invocation)
    except (typer.TyperException, MagpieError):
        raise
    except Exception:  # a defect: told as where it broke, for Python's own telling of it may quote what was shared
        log.exception("Magpie broke, and should not have. This is where, without anything of what it worked on:")
        return FOUND_WRONG


@contextmanager
def _private() -> Iterator[None]:
    """Whatever is written is for this user alone, also where the data folder itself is open to others; the reading
    processes inherit it."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _terminable(stopped: list[int]) -> Iterator[None]:
    """SIGTERM takes the same clean way out as Ctrl-C, so that no write is broken off."""

    def stop(*received: object) -> None:
        stopped.append(signal.SIGTERM)
        raise KeyboardInterrupt(*received)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
