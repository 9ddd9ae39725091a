"""`magpie backup` and `magpie restore`"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import backup_json

if TYPE_CHECKING:
    from rag import BackupSummary


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write, a tar.")],
    with_tokens: Annotated[
        bool, typer.Option("--with-tokens", help="Also copy magpie.toml, which has the tokens.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Copy the data folder into one archive. Magpie may run meanwhile.

    Only its owner can read the archive. The vector store is left out: it is filled from the catalog.

    What is deleted later with `magpie forget` stays in the archive. Delete old archives yourself.
    """
    from bot.db import tables
    from rag import write_backup

    screen, folder = invocation(context).screen(json), invocation(context).data_folder(data)
    with screen.busy("Copying …"):
        made = write_backup(folder, file, [tables.HISTORY], version("magpie"), with_tokens=with_tokens)
    screen.say(f"Saved {_described(made)}.")
    screen.path(file)
    if made.missing:
        screen.say(f"{made.missing} files were deleted meanwhile and are left out.")
    if not made.tokens:
        screen.say("It has no tokens: keep magpie.toml or your environment file elsewhere, or use --with-tokens.")
    screen.write_json(backup_json(made))


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive of `magpie backup`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Delete what the data folder holds first.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Put an archive into an empty data folder. Stop Magpie first. Nothing changes if the archive is damaged.

    Restore only archives that you made: they decide what Magpie answers from.
    """
    from bot.db import tables
    from bot.main import only_one
    from rag import restore_backup

    screen, settings = invocation(context).screen(json), invocation(context).settings(data)
    with screen.busy("Restoring …"), only_one(settings):
        found = restore_backup(file, settings.data, [tables.HISTORY], replace=replace)
    screen.say(f"Restored {_described(found)}, from {found.created}, into")
    screen.path(settings.data)
    if not found.tokens:
        screen.say("It has no tokens. Set them, or run: magpie setup")
    screen.say("Next: magpie doctor, then magpie run. While it runs, the vector store is filled from the catalog.")
    screen.say("What was forgotten since then is here again: repeat magpie forget for it.")
    screen.write_json(backup_json(found))


def _described(summary: BackupSummary) -> str:
    return f"{summary.files:,} files, {summary.bytes / 1e6:,.1f} MB"
