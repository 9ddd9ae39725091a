"""A browser window on the page, and the actions of a person in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.demo.slack_server import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

DESK, PHONE = {"width": 1360, "height": 860}, {"width": 390, "height": 844}
TIMEOUT_MS = 40_000
"""Milliseconds, long enough for the real engine to read and answer on a busy machine."""

_DROP = """([target, files]) => {
  const transfer = new DataTransfer();
  for (const [name, type, data] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(data), each => each.charCodeAt(0))], name, {type}));
  }
  const at = document.querySelector(target);
  const tell = (kind, more) => at.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, ...more}));
  tell("dragenter", {dataTransfer: transfer});
  tell("dragover", {dataTransfer: transfer});
  tell("drop", {dataTransfer: transfer});
}"""

_PASTE = """([target, name, type, data]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), each => each.charCodeAt(0))], name, {type}));
  document.querySelector(target).dispatchEvent(
    new ClipboardEvent("paste", {bubbles: true, cancelable: true, clipboardData: transfer}));
}"""


@dataclass
class Window:
    ws: Workspace
    context: BrowserContext
    page: Page
    shots: Path | None
    requests: list[str] = field(default_factory=list)
    """Every URL the page requested."""
    errors: list[str] = field(default_factory=list)
    """Errors and warnings the browser logged."""

    @classmethod
    def open(cls, browser: Browser, ws: Workspace, shots: Path | None = None, **options: Any) -> Window:
        defaults: dict[str, Any] = {"viewport": DESK, "reduced_motion": "reduce", "locale": "en-GB"}
        context = browser.new_context(**(defaults | options))
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        window = cls(ws, context, page, shots)
        page.on("request", lambda request: window.requests.append(request.url))
        page.on("websocket", lambda socket: window.requests.append(socket.url))
        page.on("pageerror", lambda error: window.errors.append(str(error)))
        page.on("console", window._log)
        page.goto(ws.page.url)
        page.locator("#side .who button").first.wait_for(state="attached")
        return window

    def _log(self, message: Any) -> None:
        # The page itself shows refused commands. Ignore the browser's message about their status.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.errors.append(message.text)

    def close(self) -> None:
        """Close the window. Check that it requested nothing from other hosts and logged no errors."""
        self.context.close()
        own = re.compile(rf"^(http|ws)://{re.escape(self.ws.host)}/page/|^blob:http://{re.escape(self.ws.host)}/")
        assert [url for url in self.requests if not own.match(url)] == []
        assert self.errors == []

    def shot(self, name: str) -> None:
        if self.shots is not None:
            self.page.screenshot(path=self.shots / f"{name}.png", animations="disabled")

    # ------------------------------------------------------------ navigation

    def become(self, name: str) -> None:
        self.page.locator("#side .who button", has_text=name).click()
        self.page.locator("#side .who button[aria-pressed=true]", has_text=name).wait_for()

    def enter(self, place: str) -> None:
        """Open a conversation by its name. "Magpie" is the direct one."""
        self.page.locator("#side .places a", has=self.page.get_by_text(place, exact=True)).click()
        self.page.locator("#conversation .named h2", has_text=place).wait_for()

    def places(self) -> list[str]:
        return self.page.locator("#side .places a .label").all_inner_texts()

    def open_thread(self, text: str) -> None:
        """Open the thread under the message with this text."""
        self.message(text).locator(".replies").click()
        self.page.locator("#thread .message").first.wait_for()

    # ------------------------------------------------------------ actions

    def say(self, text: str, where: str = "#conversation") -> None:
        area = self.page.locator(f"{where} .composer textarea")
        area.fill(text)
        area.press("Escape")
        area.press("Enter")
        self.page.wait_for_function("area => area.value === ''", arg=area.element_handle())

    def send(self, where: str = "#conversation") -> None:
        area = self.page.locator(f"{where} .composer textarea")
        area.press("Enter")
        self.page.locator(f"{where} .composer .chip").first.wait_for(state="detached")

    def drop(self, *files: tuple[str, str, bytes], where: str = "#conversation") -> None:
        """Drop files given as (name, type, bytes)."""
        self.page.locator(where).first.wait_for(state="attached")
        self.page.evaluate(_DROP, [where, [[name, kind, _base64(data)] for name, kind, data in files]])
        self.page.locator(f"{where} .composer .chip").nth(len(files) - 1).wait_for()

    def paste(self, name: str, kind: str, data: bytes, where: str = "#conversation") -> None:
        target = f"{where} .composer textarea"
        self.page.locator(target).first.wait_for(state="attached")
        self.page.evaluate(_PASTE, [target, name, kind, _base64(data)])
        self.page.locator(f"{where} .composer .chip").first.wait_for()

    def message(self, text: str, where: str = "#conversation") -> Locator:
        return self.page.locator(f"{where} .message", has_text=text).last

    def choose(self, text: str, choice: str, where: str = "#conversation") -> None:
        """Choose an entry of a message's menu."""
        message = self.message(text, where)
        message.hover()
        message.locator(".tools button[aria-label=More]").click()
        self.page.locator(".menu button", has_text=choice).click()

    def confirm(self) -> None:
        self.page.locator("dialog .buttons .danger").click()

    def contains(self, texts: Sequence[str]) -> list[bool]:
        """Return which of the texts are anywhere in the document, visible or not."""
        document = self.page.content()
        return [text in document for text in texts]


def _base64(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()
