"""`magpie reindex`"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.results import EMPTY, show_outcomes


def register(app: typer.Typer) -> None:
    app.command()(reindex)


def reindex(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Files to read again. Default: all files.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Read documents again. The old pages stay searchable until the new ones are complete."""
    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
        with screen.progress(f"Reading {', '.join(names) if names else 'all documents'} again") as report:
            outcomes = rag.reindex(names or [], report)
        show_outcomes(screen, outcomes, EMPTY)
