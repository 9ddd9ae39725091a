"""`magpie retry`"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.results import show_outcomes


def register(app: typer.Typer) -> None:
    app.command()(retry)


def retry(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Files to try again. Default: all that failed.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Try files again that could not be fetched or read. Files in Slack wait until the bot runs."""
    with invocation(context).open(data, json) as (rag, screen):
        with screen.progress(f"Trying {', '.join(names) if names else 'all files that failed'} again") as report:
            outcomes = rag.retry(names or [], report)
        if not outcomes and not json:
            screen.say("No file failed.")
            return
        show_outcomes(screen, outcomes, "No file failed.")
