"""`magpie mcp`"""

from __future__ import annotations

import typer

from bot.cli.context import Data, invocation
from rag import OperatorMustAct, Scope


def register(app: typer.Typer) -> None:
    app.command()(mcp)


def mcp(context: typer.Context, data: Data = None) -> None:
    """Serve search and answers to an AI tool on this machine, over stdin and stdout (MCP).

    The tool finds everything that is indexed. Tools of other people use magpie run with SLACK_TOOLS_PORT and a token.
    """
    try:
        from bot.api.mcp import serve_stdio
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise OperatorMustAct("The package mcp is not installed.", "Run: .venv/bin/pip install -e '.[mcp]'") from error
    with invocation(context).open(data, json=True) as (rag, screen):
        screen.note("Serving MCP on stdin and stdout. Ctrl-C or the end of stdin stops it.")
        serve_stdio(rag, Scope.operator())
