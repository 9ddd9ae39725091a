"""embedder: CLIP for other machines."""

from __future__ import annotations

import threading

import typer

from bot.invocation import Data, Json, invocation
from bot.screen import Screen


def register(app: typer.Typer) -> None:
    app.command()(embedder)


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
