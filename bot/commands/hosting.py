"""embedder and bench: CLIP for other machines, and how fast it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from bot.invocation import Data, Json, invocation
from bot.screen import Screen
from bot.shapes import benched_shape

if TYPE_CHECKING:
    from rag import Benched


def register(app: typer.Typer) -> None:
    app.command()(embedder)
    app.command()(bench)


def embedder(context: typer.Context, data: Data = None, json: Json = False) -> None:
    """Serve the embedder to other machines, on the one with the GPU. Ends on Ctrl-C or SIGTERM."""
    from bot.server import serving
    from rag import open_host

    shared = invocation(context)
    screen = Screen(json=json or shared.json)
    settings = shared.settings(data)
    screen.note("Loading the embedder …")
    with open_host(settings) as host, serving(host.app, host.address, host.port) as port:
        screen.data({"identity": host.identity, "device": host.device, "address": host.address, "port": port})
        screen.say(f"{host.identity} on {host.device} answers at {host.address}:{port}.")
        screen.out.file.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            screen.note("Stopped. What was sent is answered first.")


def bench(
    context: typer.Context,
    pictures: Annotated[int, typer.Option(min=1, help="Pictures a round.")] = 128,
    texts: Annotated[int, typer.Option(min=1, help="Texts a round.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the median counts.")] = 3,
    random: Annotated[bool, typer.Option("--random", help="Random weights: as fast, and none are needed.")] = False,
    served: Annotated[bool, typer.Option("--served", help="Through a GPU host on this machine.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Measure the embedder: from picture files and texts to stored vectors, against the model alone."""
    from bot.server import serving
    from rag import Wanted, measure_embedder

    shared = invocation(context)
    screen = Screen(json=json or shared.json)
    wanted = Wanted(pictures, texts, rounds, random, serving if served else None)
    found = measure_embedder(shared.settings(data), wanted, screen.note)
    screen.data(benched_shape(found))
    _show(screen, found)


def _show(screen: Screen, found: Benched) -> None:
    peak = f", {found.peak_bytes / 1e9:.1f} GB at most on the card" if found.peak_bytes else ""
    screen.say(f"{found.model} on {found.device}; {found.versions}.", style="bold")
    screen.say(f"Weights {found.weights_bytes / 1e9:.2f} GB{peak}.")
    for name, speed in found.speeds.items():
        screen.say(
            f"{name:<9}{speed.per_second:8.1f} a second, {100 * speed.share:.0f} % of the model alone "
            f"({speed.raw:.1f}; rounds {100 * speed.lowest:.0f} to {100 * speed.highest:.0f} %)"
        )
        spent = ", ".join(f"{part} {100 * share:.0f} %" for part, share in speed.spent.items())
        beside = "" if speed.preparing is None else f"; meanwhile {speed.preparing:.2f} cores prepare"
        screen.say(spent + beside, indent=2)
