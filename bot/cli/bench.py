"""`magpie bench`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.context import Data, Json, invocation
from bot.cli.json_output import benchmark_json
from bot.cli.terminal import Screen

if TYPE_CHECKING:
    from rag import BenchmarkResult


def register(app: typer.Typer) -> None:
    app.command()(bench)


def bench(
    context: typer.Context,
    pictures: Annotated[
        int | None, typer.Option(min=1, help="Pictures per round. Default: enough for a few seconds.")
    ] = None,
    texts: Annotated[
        int | None, typer.Option(min=1, help="Texts per round. Default: enough for a few seconds.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds; the median is reported.")] = 3,
    random: Annotated[
        bool, typer.Option("--random", help="Use random weights: the same speed, without a download.")
    ] = False,
    served: Annotated[bool, typer.Option("--served", help="Measure through a model server on this machine.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Measure the embedder, from image files and texts to stored vectors, against the model alone."""
    from bot.slack.http import serving
    from rag import BenchmarkOptions, measure_embedder

    shared = invocation(context)
    screen = shared.screen(json)
    options = BenchmarkOptions(pictures, texts, rounds, random, serving if served else None)
    result = measure_embedder(shared.settings(data), options, screen.note)
    screen.write_json(benchmark_json(result))
    _show(screen, result)


def _show(screen: Screen, result: BenchmarkResult) -> None:
    peak = f"; GPU memory at most {result.peak_bytes / 1e9:.1f} GB" if result.peak_bytes else ""
    screen.say(f"{result.model} on {result.device}; {result.versions}.", style="bold")
    screen.say(f"Weights: {result.weights_bytes / 1e9:.2f} GB{peak}.")
    for name, speed in result.speeds.items():
        screen.say(
            f"{name:<9}{speed.per_second:8.1f} per second, {100 * speed.share:.0f} % of the model alone "
            f"({speed.raw:.1f}; rounds {100 * speed.lowest:.0f} to {100 * speed.highest:.0f} %)"
        )
        if speed.processor_share is not None:
            screen.say(f"{100 * speed.processor_share:.0f} % by CPU time", indent=2)
        spent = ", ".join(f"{part} {100 * share:.0f} %" for part, share in speed.spent.items())
        preparing = "" if speed.preparing is None else f"; {speed.preparing:.2f} cores prepare items meanwhile"
        screen.say(f"Time: {spent}{preparing}", indent=2)
