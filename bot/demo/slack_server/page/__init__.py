"""The workspace in a browser: a page with what one person may see, and what goes between Slack and the bot.

    with open_workspace() as ws:
        print(ws.page.url)

Whoever knows the address may be any of the people: it holds a secret, and only this machine can reach it.
"""

from __future__ import annotations

from bot.demo.slack_server.page.routes import Off, Page, Samples

__all__ = ["Off", "Page", "Samples"]
