"""The browser page of a workspace: what one person may see, and an inspector of the traffic with the bot.

    with open_workspace() as ws:
        print(ws.page.url)

The address contains a secret and works on this machine only. Knowing it is enough to act as any of the people.
"""

from __future__ import annotations

from bot.demo.slack_server.page.routes import BrowserPage, Samples, UnavailableFeature

__all__ = ["BrowserPage", "Samples", "UnavailableFeature"]
