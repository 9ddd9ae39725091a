"""`magpie config`"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import settings_json
from bot.cli.sources import show_folders
from bot.folders import read_folders
from rag import settings_path


def register(app: typer.Typer) -> None:
    app.command()(config)


def config(
    context: typer.Context,
    all_settings: Annotated[bool, typer.Option("--all", help="List the settings with their defaults, too.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Print the settings in use and where each comes from: the environment, magpie.toml or the default. No secrets."""
    from bot.settings import effective_slack_settings
    from rag import effective_settings

    shared = invocation(context)
    screen, folder = shared.screen(json), shared.data_folder(data)
    values = [*effective_settings(data or shared.data), *effective_slack_settings(folder)]
    screen.write_json(settings_json(values, read_folders(folder)))
    path = settings_path(folder)
    screen.say("The data folder:")
    screen.path(folder)
    screen.say(
        "Settings are read from the environment, and from this file:" if path.is_file() else "No settings file yet:"
    )
    screen.path(path)
    listed = [value for value in values if all_settings or value.source != "default"]
    for value in listed:
        screen.say(f"{value.name} = {value.value or '(empty)'}", style="" if value.source == "default" else "bold")
        named = f"{value.source}: {value.variable}" if value.source == "environment" else value.source
        screen.say(named, style="dim", indent=4)
    show_folders(screen, folder)
    left = len(values) - len(listed)
    if left:
        screen.say(f"{left} settings have their defaults; magpie config --all lists them.")
