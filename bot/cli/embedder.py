"""`magpie embedder`"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Annotated

import typer

from bot.cli.context import Data, Json, invocation


def register(app: typer.Typer) -> None:
    app.command()(embedder)


def embedder(
    context: typer.Context,
    replicas: Annotated[
        int, typer.Option(min=0, help="Number of replicas on Ray Serve. 0: one embedder in this process.")
    ] = 0,
    most: Annotated[
        int, typer.Option(min=0, help="Number of replicas to scale up to under load. 0: do not scale.")
    ] = 0,
    gpus: Annotated[float, typer.Option(min=0, help="Share of a GPU for each replica, such as 0.5.")] = 0,
    data: Data = None,
    json: Json = False,
) -> None:
    """Serve CLIP, and a model of page images if one is set, to other machines; run it on the machine with the GPU.

    Stop it with Ctrl-C or SIGTERM.
    """
    from bot.slack.connection_limits import ConnectionLimits
    from bot.slack.http import serving
    from rag import Replicas, open_model_server, open_replicas

    shared = invocation(context)
    screen = shared.screen(json)
    settings = shared.settings(data)
    screen.note("Loading the embedder …")
    with ExitStack() as closing:
        details: dict[str, object]
        if replicas:
            port = closing.enter_context(open_replicas(settings, Replicas(replicas, most or replicas, gpus)))
            address, details = settings.serve.host, {"replicas": replicas}
            running = f"{replicas} replicas are"
        else:
            host = closing.enter_context(open_model_server(settings))
            # Pictures may arrive over a slow network. The server checks the token before it reads them.
            limits = ConnectionLimits(body_seconds=300)
            port = closing.enter_context(serving(host.app, host.address, host.port, limits))
            address, details = host.address, {"identity": host.identity, "device": host.device}
            running = f"{host.identity} on {host.device} is"
        screen.write_json({**details, "address": address, "port": port})
        screen.say(f"{running} listening on {address}:{port}.")
        screen.out.file.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            screen.note("Stopping after the requests in progress.")
