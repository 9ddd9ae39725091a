"""`magpie index`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.results import show_outcomes
from rag import is_url


def register(app: typer.Typer) -> None:
    app.command()(index)


def index(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH|URL...", help="Files, folders and web addresses.")],
    space: Annotated[str, typer.Option(help="Space to index the files into.")] = "local",
    data: Data = None,
    json: Json = False,
) -> None:
    """Index files, folders and web pages, so that they can be found. Unchanged files are not read again.

    Files that were deleted from an indexed folder are removed.

    Hidden files and symbolic links in a folder are skipped; to index one, name it.
    """
    with invocation(context).open(data, json, upgrade=True) as (rag, screen):
        with screen.progress(f"Indexing {', '.join(paths)}") as report:
            outcomes = rag.index([name if is_url(name) else Path(name) for name in paths], space, report)
        show_outcomes(screen, outcomes, "There are no files to index.")
        if not outcomes:
            raise typer.Exit(1)
