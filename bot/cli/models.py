"""`magpie models list`, `magpie models pull`"""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import models_json


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="List CLIP models, and download weights.", no_args_is_help=False)
    models.callback(invoke_without_command=True)(default)
    models.command("list")(list_models)
    models.command("pull")(pull)
    app.add_typer(models, name="models")


def default(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """List the models if no subcommand is given."""
    if context.invoked_subcommand is None:
        list_models(context, data, json)
        return
    shared = invocation(context)
    shared.data, shared.json = data or shared.data, json or shared.json


def list_models(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """List CLIP models, the memory they need, and whether their weights are on this machine."""
    with invocation(context).open(data, json) as (rag, screen):
        rows = rag.list_models()
        screen.write_json(models_json(rows))
        for row in rows:
            state = f"{'selected, ' if row.used else ''}{'downloaded' if row.cached else 'not downloaded'}"
            details = "; ".join(part for part in (state, row.memory, row.note) if part)
            screen.say(f"{row.name}  {row.weights}", style="bold" if row.used else "")
            screen.say(details, style="dim", indent=4)


def pull(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="Name of the model in open_clip. Default: the configured model.")
    ] = None,
    weights: Annotated[str | None, typer.Argument(help="Name of the pretrained weights in open_clip.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Download the weights of the CLIP model and the text embedder; of one CLIP model, if it is named.

    Later starts need no network.
    """
    with invocation(context).open(data, json) as (rag, screen):
        path = rag.pull_model(model, weights, screen.note)
        text = rag.pull_text_model(screen.note) if model is None else None
        screen.write_json({"path": str(path), "text_path": None if text is None else str(text)})
        screen.say("The weights are in:")
        screen.path(path)
        if text is not None:
            screen.path(text)
