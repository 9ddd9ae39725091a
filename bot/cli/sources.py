"""What `magpie config`, `magpie status` and `magpie doctor` say about the folders that are followed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.cli.terminal import Screen
from bot.folders import read_folders, visible_to
from rag import Check, MagpieError


def show_folders(screen: Screen, data: Path) -> None:
    """Print the folders that are followed, who may see them, and what is wrong with the others."""
    named = read_folders(data)
    for folder in named.folders:
        screen.say(f"source {folder.folder}", style="bold")
        screen.say(f"visible to {visible_to(folder)}", style="dim", indent=4)
    for problem in named.problems:
        screen.say(f"! {problem}", style="yellow")


def folder_checks(data: Path) -> Iterator[Check]:
    """Check each entry of `[[sources]]`, and list each folder. Raise BadSetting if magpie.toml cannot be read."""
    from rag import list_folder  # SQL, which --help does not need

    named = read_folders(data)
    for folder in named.folders:
        name = f"source {folder.folder}"
        try:
            files = len(list_folder(folder.folder))
        except MagpieError as error:
            yield Check(name, "fail", str(error), error.hint)
        else:
            yield Check(name, "ok", f"{files:,} files that can be read, visible to {visible_to(folder)}")
    for problem in named.problems:
        yield Check("sources", "fail", problem, "Correct it in magpie.toml; docs/operations.md shows an example.")
