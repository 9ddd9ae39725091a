"""What the page of `magpie demo` costs: `python -m tests.bench.page [--runs 5]`.

Bytes and requests of its first load, as Chromium counts them; and for each run the seconds from the start of the
command until the page answers HTTP, is drawn, shows the bot connected, has the receipt for the two samples, and shows
the answer to a question with its picture. Every run begins with an empty data folder. Without a model the answer is
the passages.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import httpx
from playwright.sync_api import sync_playwright

from tests.browser.conftest import launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

STEPS = ("answers HTTP", "drawn", "bot connected", "samples read", "question answered")
PATIENCE = 300_000
"""Milliseconds."""


@dataclass
class Load:
    """What a page asked for. `sizes`: bytes of each answer, body and headers; a WebSocket has none."""

    sizes: dict[str, int] = field(default_factory=dict)
    sockets: int = 0

    @property
    def requests(self) -> int:
        return len(self.sizes) + self.sockets

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


def first_load(browser: Browser, url: str) -> Load:
    """With nothing in the browser's cache, until it asks for nothing more and the conversations stand there."""
    load, context = Load(), browser.new_context()
    page = context.new_page()

    def finished(request: Request) -> None:
        sizes = request.sizes()
        load.sizes[request.url.removeprefix(url)] = sizes["responseBodySize"] + sizes["responseHeadersSize"]

    def opened(_: object) -> None:
        load.sockets += 1

    page.on("requestfinished", finished)
    page.on("websocket", opened)
    page.goto(url, wait_until="networkidle")
    page.locator("#conversation .composer").wait_for()
    context.close()
    return load


@contextmanager
def demo(data: Path) -> Iterator[tuple[float, str]]:
    """`magpie demo` until the block ends: when it was started, and the page's address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAGPIE_")}
    command = [sys.executable, "-m", "bot.cli.main", "--data", str(data), "demo"]
    began = time.monotonic()
    running = subprocess.Popen(
        command, env=kept | {"COLUMNS": "200"}, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert running.stdout is not None
        told = (re.search(r"http://127\S+/page/\S+/", line) for line in running.stdout)
        yield began, next(found[0] for found in told if found)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def story(page: Page, data: Path) -> list[float]:
    """Seconds after the start, for each of STEPS."""
    with demo(data) as (began, url):
        seconds: list[float] = []

        def done() -> None:
            seconds.append(time.monotonic() - began)

        assert httpx.get(url, trust_env=False).status_code == 200
        done()
        page.goto(url)
        page.locator("#conversation .composer").wait_for()
        done()
        page.locator("#side .dot.on").wait_for()
        done()
        page.get_by_text("Share two sample documents").click()
        page.locator("#conversation .reaction[aria-label*=read]").wait_for()
        done()
        page.locator(".suggestion", has_text="Crane Nine").click()
        page.keyboard.press("Enter")
        page.locator("#thread .message .text a, #thread .message .linklike").first.wait_for()
        page.locator("#thread .shown img").first.wait_for()
        done()
        return seconds


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args(arguments)
    with sync_playwright() as playwright, launch(playwright) as browser, tempfile.TemporaryDirectory() as folder:
        with demo(Path(folder) / "load") as (_, url):
            load = first_load(browser, url)
        runs = []
        for number in range(asked.runs):
            context = browser.new_context()
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            runs.append(story(page, Path(folder) / str(number)))
            context.close()
    print("\n".join(report(load, runs)))  # noqa: T201


def report(load: Load, runs: list[list[float]]) -> Iterator[str]:
    """`runs`: seconds for each of STEPS."""
    yield f"first load: {load.requests} requests ({load.sockets} of them a WebSocket), {load.size / 1000:.0f} kB"
    for step, seconds in zip(STEPS, zip(*runs, strict=True), strict=True):
        yield f"{step:<18} {median(seconds):6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f}, {len(runs)} runs)"


if __name__ == "__main__":
    main()
