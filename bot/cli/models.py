"""`magpie models list`, `magpie models pull`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Engine, Json, invocation
from bot.cli.json_output import models_json
from bot.cli.terminal import Screen
from rag import ModelSummary, ModelTerms, terms_of_model

if TYPE_CHECKING:
    from rag import Settings

TEXT_DEFAULT = "intfloat/multilingual-e5-small"
"""The text embedder that is downloaded if the settings name none."""


_TITLES = {
    "images": "Images (MAGPIE_EMBED__MODEL)",
    "texts": "Texts (MAGPIE_TEXT__MODEL=st:NAME)",
    "reranker": "Rerankers (MAGPIE_RERANK__MODEL=st:NAME)",
    "pages": "Page images (MAGPIE_PAGE_IMAGES__MODEL=st:NAME)",
}
"""Headings by what a model is for."""


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="List models, and download weights.", no_args_is_help=False)
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
    """List models: their size, memory and license, what they are good at, and published figures with their source."""
    with invocation(context).open(data, json) as (rag, screen):
        rows = rag.list_models()
        screen.write_json(models_json(rows))
        for kind, title in _TITLES.items():
            shown = [row for row in rows if row.kind == kind]
            if shown:
                screen.say(title, style="bold")
            for row in shown:
                _show(screen, row)


def _show(screen: Screen, row: ModelSummary) -> None:
    state = f"{'selected, ' if row.used else ''}{'downloaded' if row.cached else 'not downloaded'}"
    size = ", ".join(filter(None, (row.size and f"{row.size} parameters", row.memory)))
    screen.say(f"{row.name}  {row.weights}".rstrip(), style="bold" if row.used else "", indent=2)
    screen.say("; ".join(filter(None, (state, size, row.note, row.license))), style="dim", indent=6)
    if row.good_at:
        screen.say(f"Good at: {row.good_at}", style="dim", indent=6)
    for figure in row.figures:
        screen.say(f"{figure.benchmark}: {figure.value:g} ({figure.source})", style="dim", indent=6)


def _downloads(rag: Engine, settings: Settings, model: str | None, weights: str | None) -> list[tuple[str, ModelTerms]]:
    """Return what would be downloaded, with its terms: the CLIP model and, if none is named, the text embedder."""
    rows = [row for row in rag.list_models() if row.kind == "images"]
    row = next((row for row in rows if (row.name == model if model else row.used)), None)
    names = [model or (row.name if row else settings.embed.model), weights or (row.weights if row else "")]
    found = [(" ".join(filter(None, names)), terms_of_model(*names))]
    text = settings.text.model
    if model is None and text and not text.startswith(("ollama:", "openai:")):
        name = text.removeprefix("st:") if text.startswith("st:") else TEXT_DEFAULT
        if not Path(name).is_dir():  # a folder is not downloaded
            found.append((name, terms_of_model(name)))
    return found


def _accept(screen: Screen, downloads: Sequence[tuple[str, ModelTerms]], *, yes: bool) -> None:
    """Print the licenses. If one restricts the use or is not known, ask; raise BadParameter if no person can answer."""
    for name, terms in downloads:
        screen.note(f"License of {name}: {terms.license}")
        if terms.restriction:
            screen.note(f"It restricts the use: {terms.restriction}.", style="yellow")
        if yes or not terms.needs_consent:
            continue
        if screen.json or not sys.stdin.isatty():
            raise typer.BadParameter("nothing was downloaded: add --yes if you may use this model under its license")
        if not typer.confirm("May you use it under this license?", default=False):
            screen.say("Nothing was downloaded.")
            raise typer.Exit(1)


def pull(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Argument(help="Name of the model in open_clip. Default: the configured model.")
    ] = None,
    weights: Annotated[str | None, typer.Argument(help="Name of the pretrained weights in open_clip.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask about licenses that restrict the use or are not known.")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Download the weights of the CLIP model and the text embedder; of one CLIP model, if it is named.

    Their licenses are printed first. Later starts need no network.
    """
    with invocation(context).open(data, json) as (rag, screen):
        _accept(screen, _downloads(rag, invocation(context).settings(data), model, weights), yes=yes)
        path = rag.pull_model(model, weights, screen.note)
        text = rag.pull_text_model(screen.note) if model is None else None
        screen.write_json({"path": str(path), "text_path": None if text is None else str(text)})
        screen.say("The weights are in:")
        screen.path(path)
        if text is not None:
            screen.path(text)
