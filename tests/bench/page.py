"""Measure the page of `magpie demo`: `python -m tests.bench.page [--runs 5]`.

Reports the bytes and requests of the first load, as counted by Chromium, and the seconds from the start of the
command until the page answers HTTP, is drawn, shows the bot as connected, shows the receipt of the two samples, and
shows an answer with its picture. Each run starts with an empty data folder. Without a model, the answer consists of
passages.
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
TIMEOUT = 300_000
"""Milliseconds."""


@dataclass
class Load:
    """The requests of a page. `sizes` has the bytes of each response, body and headers. A WebSocket has no size."""

    sizes: dict[str, int] = field(default_factory=dict)
    sockets: int = 0

    @property
    def requests(self) -> int:
        return len(self.sizes) + self.sockets

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


def first_load(browser: Browser, url: str) -> Load:
    """Load the page with an empty cache until the conversations are shown and the network is idle."""
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
    """Run `magpie demo` until the block ends. Yield the time when it was started and the page's address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAGPIE_")}
    command = [sys.executable, "-m", "bot.cli.main", "--data", str(data), "demo"]
    began = time.monotonic()
    running = subprocess.Popen(
        command, env=kept | {"COLUMNS": "200"}, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert running.stdout is not None
        matches = (re.search(r"http://127\S+/page/\S+/", line) for line in running.stdout)
        yield began, next(match[0] for match in matches if match)
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(60)


def measure_steps(page: Page, data: Path) -> list[float]:
    """Return the seconds after the start for each of STEPS."""
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
    options = parser.parse_args(arguments)
    with sync_playwright() as playwright, launch(playwright) as browser, tempfile.TemporaryDirectory() as folder:
        with demo(Path(folder) / "load") as (_, url):
            load = first_load(browser, url)
        runs = []
        for number in range(options.runs):
            context = browser.new_context()
            page = context.new_page()
            page.set_default_timeout(TIMEOUT)
            runs.append(measure_steps(page, Path(folder) / str(number)))
            context.close()
    print("\n".join(report(load, runs)))  # noqa: T201


def report(load: Load, runs: list[list[float]]) -> Iterator[str]:
    """Yield the lines of a report. `runs` has the seconds for each of STEPS."""
    yield f"first load: {load.requests} requests ({load.sockets} of them a WebSocket), {load.size / 1000:.0f} kB"
    for step, seconds in zip(STEPS, zip(*runs, strict=True), strict=True):
        yield f"{step:<18} {median(seconds):6.2f} s  ({min(seconds):.2f} to {max(seconds):.2f}, {len(runs)} runs)"


if __name__ == "__main__":
    main()
