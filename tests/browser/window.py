"""One window of a browser on the page, and what a person does in it."""

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
PATIENCE = 40_000
"""Milliseconds: reading and answering by the real engine, on a busy machine."""

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
    asked: list[str] = field(default_factory=list)
    """Every address the page asked for."""
    broken: list[str] = field(default_factory=list)
    """What the browser complained about."""

    @classmethod
    def open(cls, browser: Browser, ws: Workspace, shots: Path | None = None, **how: Any) -> Window:
        given: dict[str, Any] = {"viewport": DESK, "reduced_motion": "reduce", "locale": "en-GB"} | how
        context = browser.new_context(**given)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        window = cls(ws, context, page, shots)
        page.on("request", lambda request: window.asked.append(request.url))
        page.on("websocket", lambda socket: window.asked.append(socket.url))
        page.on("pageerror", lambda error: window.broken.append(str(error)))
        page.on("console", window._complained)
        page.goto(ws.page.url)
        page.locator("#side .who button").first.wait_for(state="attached")
        return window

    def _complained(self, message: Any) -> None:
        # A refusal of the server is said on the page; the browser's line about its status is no news.
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.broken.append(message.text)

    def close(self) -> None:
        """Nothing was asked of another machine, and nothing broke."""
        self.context.close()
        own = re.compile(rf"^(http|ws)://{re.escape(self.ws.host)}/page/|^blob:http://{re.escape(self.ws.host)}/")
        assert [url for url in self.asked if not own.match(url)] == []
        assert self.broken == []

    def shot(self, name: str) -> None:
        if self.shots is not None:
            self.page.screenshot(path=self.shots / f"{name}.png", animations="disabled")

    # ------------------------------------------------------------ where one is

    def become(self, name: str) -> None:
        self.page.locator("#side .who button", has_text=name).click()
        self.page.locator("#side .who button[aria-pressed=true]", has_text=name).wait_for()

    def enter(self, place: str) -> None:
        """A conversation by its name; Magpie's is the direct one."""
        self.page.locator("#side .places a", has=self.page.get_by_text(place, exact=True)).click()
        self.page.locator("#room .named h2", has_text=place).wait_for()

    def places(self) -> list[str]:
        return self.page.locator("#side .places a .label").all_inner_texts()

    def begin_thread(self, text: str) -> None:
        """Open the thread under the message with this text."""
        self.message(text).locator(".replies").click()
        self.page.locator("#thread .message").first.wait_for()

    # ------------------------------------------------------------ what one does

    def say(self, text: str, where: str = "#room") -> None:
        area = self.page.locator(f"{where} .composer textarea")
        area.fill(text)
        area.press("Escape")
        area.press("Enter")
        self.page.wait_for_function("area => area.value === ''", arg=area.element_handle())

    def send(self, where: str = "#room") -> None:
        area = self.page.locator(f"{where} .composer textarea")
        area.press("Enter")
        self.page.locator(f"{where} .composer .chip").first.wait_for(state="detached")

    def drop(self, *files: tuple[str, str, bytes], where: str = "#room") -> None:
        """Files as (name, type, bytes), dragged from elsewhere."""
        self.page.evaluate(_DROP, [where, [[name, kind, _base64(data)] for name, kind, data in files]])
        self.page.locator(f"{where} .composer .chip").nth(len(files) - 1).wait_for()

    def paste(self, name: str, kind: str, data: bytes, where: str = "#room") -> None:
        self.page.evaluate(_PASTE, [f"{where} .composer textarea", name, kind, _base64(data)])
        self.page.locator(f"{where} .composer .chip").first.wait_for()

    def message(self, text: str, where: str = "#room") -> Locator:
        return self.page.locator(f"{where} .message", has_text=text).last

    def choose(self, text: str, choice: str, where: str = "#room") -> None:
        """One choice of the menu of a message."""
        message = self.message(text, where)
        message.hover()
        message.locator(".tools button[aria-label=More]").click()
        self.page.locator(".menu button", has_text=choice).click()

    def confirm(self) -> None:
        self.page.locator("dialog .buttons .danger").click()

    def seen(self, texts: Sequence[str]) -> list[bool]:
        """Which of these stand anywhere in the document, shown or not."""
        whole = self.page.content()
        return [text in whole for text in texts]


def _base64(data: bytes) -> str:
    from base64 import b64encode

    return b64encode(data).decode()
