"""The entry point of `magpie`: commands, exit codes, and what is printed on an error.

Exit codes: 0 success; 1 failure (a file, a check or the command failed, or nothing was found to remove); 2 wrong usage
or a wrong setting; 130 or 143 stopped by SIGINT or SIGTERM.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import (
    ask,
    backup,
    bench,
    compare,
    config,
    demo,
    doctor,
    embedder,
    eval,
    find,
    forget,
    index,
    manifest,
    mcp,
    models,
    reindex,
    retry,
    run,
    sbom,
    setup,
    status,
    tokens,
    train_decision,
    train_projection,
    unanswered,
)
from bot.cli.context import Data, Engine, Invocation, Json, Opener, invocation
from bot.cli.redaction import Mask, redacted_logs
from bot.cli.terminal import Screen
from rag import BadSetting, MagpieError, explain_disk_error, hide_memory

if TYPE_CHECKING:
    from rag import Settings

SUCCESS, FAILURE, WRONG_USAGE = 0, 1, 2
INTERRUPTED, TERMINATED = 130, 143

COMMANDS = (
    setup, manifest, run, index, reindex, retry, forget, ask, find, eval, compare, train_projection, train_decision,
    status, unanswered, doctor, tokens, mcp, backup, config, models, embedder, bench, demo, sbom,
)  # fmt: skip
"""The modules of the commands, in the order of `magpie --help`."""

log = logging.getLogger("magpie")


def open_engine(settings: Settings, *, upgrade: bool) -> AbstractContextManager[Engine]:
    """Open the real engine. It is imported here because `--help` does not need it."""
    from bot.db import tables
    from rag import open_rag

    return open_rag(settings, histories=[tables.HISTORY], upgrade=upgrade)


def build_app() -> typer.Typer:
    """Return the typer app with all commands."""
    app = typer.Typer(
        name="magpie",
        help="Answer questions from your team's files, with page numbers and pictures. The files stay on your machine.",
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_read_shared_options)
    for module in COMMANDS:
        module.register(app)
    return app


def _print_version(is_asked: bool) -> None:
    if is_asked:
        Screen().say(f"magpie {version_of('magpie')}")
        raise typer.Exit


_Version = Annotated[
    bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
]


def _read_shared_options(
    context: typer.Context, data: Data = None, json: Json = False, _version: _Version = False
) -> None:
    shared = invocation(context)
    shared.data, shared.json = data, json


def main(arguments: Sequence[str] | None = None, opener: Opener = open_engine) -> int:
    """Run one command and return its exit code. `arguments` is sys.argv by default."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        hide_memory()  # the environment of this process holds the tokens
    screen, mask = Screen(), Mask.of(os.environ)
    terminations: list[int] = []
    try:
        with _private_files(), _interrupt_on_sigterm(terminations), redacted_logs(screen.note, mask) as logs:
            code = _run(given or ["--help"], Invocation(opener, mask, logs=logs))
    except typer.TyperException as error:
        screen.note(mask(error.format_message()), style="bold red")
        screen.note(
            "To list the commands, run magpie --help; for the options of a command, magpie COMMAND --help.",
            style="",
        )
        return WRONG_USAGE
    except MagpieError as error:
        screen.note(mask(str(error)), style="bold red")
        if error.hint:
            screen.note(mask(error.hint), style="")
        return WRONG_USAGE if isinstance(error, BadSetting) else FAILURE
    if code == INTERRUPTED:
        screen.note("Stopped. Finished work is kept; run the same command again to continue.", style="")
        return TERMINATED if terminations else INTERRUPTED
    if not given:
        return WRONG_USAGE
    return code if isinstance(code, int) else SUCCESS


def _run(given: list[str], invocation: Invocation) -> Any:
    command: Any = typer.main.get_command(build_app())
    try:
        return command.main(args=given, prog_name="magpie", standalone_mode=False, obj=invocation)
    except (typer.TyperException, MagpieError):
        raise
    except Exception as error:
        known = explain_disk_error(error, invocation.folder)
        if known is not None:
            raise known from error
        # The message is left out because it may quote a file or a question; see redaction.
        log.exception(
            "Unexpected error: %s. This is a bug in Magpie.\n"
            "Please report the lines below. They contain no text from your files or questions.",
            type(error).__name__,
        )
        return FAILURE


@contextmanager
def _private_files() -> Iterator[None]:
    """Make all new files private to this user, even in a data folder that others may open.

    Extraction processes inherit this.
    """
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _interrupt_on_sigterm(terminations: list[int]) -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, so that it ends as cleanly as Ctrl-C, and add it to `terminations`."""

    def handle(*received: object) -> None:
        terminations.append(signal.SIGTERM)
        raise KeyboardInterrupt(*received)

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
