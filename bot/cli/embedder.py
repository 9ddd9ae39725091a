"""embedder and bench: CLIP for other machines, and how fast it is."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.invocation import Data, Json, invocation
from bot.cli.json_output import benched_shape
from bot.cli.terminal import Screen

if TYPE_CHECKING:
    from rag import Benched


def register(app: typer.Typer) -> None:
    app.command()(embedder)
    app.command()(bench)


def embedder(
    context: typer.Context,
    replicas: Annotated[int, typer.Option(min=0, help="Embedders on Ray Serve; 0: one, in this process.")] = 0,
    most: Annotated[int, typer.Option(min=0, help="Replicas when much waits; 0: no more than these.")] = 0,
    gpus: Annotated[float, typer.Option(min=0, help="Share of a GPU that each replica has, such as 0.5.")] = 0,
    data: Data = None,
    json: Json = False,
) -> None:
    """Serve the embedder to other machines, on the one with the GPU. Ends on Ctrl-C or SIGTERM."""
    from bot.slack.connection_limits import Limits
    from bot.slack.http import serving
    from rag import Replicas, open_host, open_replicas

    shared = invocation(context)
    screen = Screen(json=json or shared.json)
    settings = shared.settings(data)
    screen.note("Loading the embedder …")
    with ExitStack() as opening:
        told: dict[str, object]
        if replicas:
            port = opening.enter_context(open_replicas(settings, Replicas(replicas, most or replicas, gpus)))
            address, told = settings.serve.host, {"replicas": replicas}
        else:
            host = opening.enter_context(open_host(settings))
            # Pictures may come over a slow network; the host asks for its token before it reads them.
            limits = Limits(body_seconds=300)
            port = opening.enter_context(serving(host.app, host.address, host.port, limits))
            address, told = host.address, {"identity": host.identity, "device": host.device}
        screen.data({**told, "address": address, "port": port})
        what = f"{replicas} replicas answer" if replicas else f"{told['identity']} on {told['device']} answers"
        screen.say(f"{what} at {address}:{port}.")
        screen.out.file.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            screen.note("Stopped. What was sent is answered first.")


def bench(
    context: typer.Context,
    pictures: Annotated[int | None, typer.Option(min=1, help="Pictures a round; none: for some seconds.")] = None,
    texts: Annotated[int | None, typer.Option(min=1, help="Texts a round; none: for some seconds.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; the median counts.")] = 3,
    random: Annotated[bool, typer.Option("--random", help="Random weights: as fast, and none are needed.")] = False,
    served: Annotated[bool, typer.Option("--served", help="Through a GPU host on this machine.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Measure the embedder: from picture files and texts to stored vectors, against the model alone."""
    from bot.slack.http import serving
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
        if speed.processor_share is not None:
            screen.say(f"{100 * speed.processor_share:.0f} % by the processor's time", indent=2)
        spent = ", ".join(f"{part} {100 * share:.0f} %" for part, share in speed.spent.items())
        beside = "" if speed.preparing is None else f"; meanwhile {speed.preparing:.2f} cores prepare"
        screen.say(spent + beside, indent=2)
