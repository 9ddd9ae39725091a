"""`magpie manifest`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.context import Json, invocation

MANIFEST = Path(__file__).parents[1] / "manifest.yml"
AGENT_MANIFEST = Path(__file__).parents[1] / "manifest.agent.yml"


def register(app: typer.Typer) -> None:
    app.command()(manifest)


def manifest_scopes() -> list[str]:
    """Return the scopes of the bot that the manifest of this version asks for."""
    import yaml

    found: list[str] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["oauth_config"]["scopes"]["bot"]
    return found


def manifest(
    context: typer.Context,
    agent: Annotated[
        bool,
        typer.Option("--agent", help="Print the manifest of an agent. docs/connect-slack.md says what that needs."),
    ] = False,
    json: Json = False,
) -> None:
    """Print the manifest of the Slack app, to paste when you create the app."""
    import yaml

    text = (AGENT_MANIFEST if agent else MANIFEST).read_text(encoding="utf-8")
    screen = invocation(context).screen(json)
    screen.write_json(yaml.safe_load(text))
    if not screen.json:
        typer.echo(text, nl=False)
