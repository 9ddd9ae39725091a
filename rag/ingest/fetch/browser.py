"""The browser's process, `python -m rag.ingest.fetch.browser`: an order on stdin, a PDF and one JSON line as reply.

A process of its own, so that a page that never ends can be ended: killing its group takes the browser along. It
reaches no files but its folder and programs, and nothing on the network but the proxy, on kernels that can tell.
Chromium's own sandbox is always on.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.extract import limits
from rag.ingest.fetch.screenshot_pdf import HEIGHT, WIDTH, Seen, write_pdf
from rag.sandbox import Restrictions, child_environment, confinement_gap, restrict, runtime_files
from rag.sandbox.launch import package_folder

PDF = "page.pdf"
_QUIET_MS = 3000
"""How long a page may go on fetching after it has loaded; many never stop."""

_MOST_WORDS = 50_000
_LONGEST_WORD = 200
_LONGEST_TITLE = 200

_FLAGS = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--no-first-run",
    "--mute-audio",
    "--disable-dev-shm-usage",
)
"""Nothing goes out but through the proxy, and nothing that the page did not ask for."""

_BROWSERS_OWN = (
    *("/etc/chromium", "/etc/chromium.d", "/etc/opt/chrome", "/opt/google/chrome"),
    *("/etc/ssl/certs", "/etc/ssl/openssl.cnf"),
)

_NOBODY = 65534
"""The user and group that Chromium runs as where this process is root's, for whom its sandbox does not start."""

NO_SANDBOX = "No usable sandbox"
"""What Chromium says before it ends where the system allows no sandbox."""

_DROP = """#!{python} -P
import os, sys
os.setgroups([])
os.setgid({nobody})
os.setuid({nobody})
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""

_SCROLL = """async ([step, most]) => {
  for (let y = 0; y < Math.min(document.documentElement.scrollHeight, most); y += step) {
    scrollTo(0, y);
    await new Promise(done => requestAnimationFrame(() => setTimeout(done, 40)));
  }
  scrollTo(0, 0);
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 40)));
}"""
"""Pictures that load when they come into sight."""

_WORDS = r"""most => {
  const found = [], range = document.createRange();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode()) && found.length < most;) {
    const box = node.parentElement;
    if (!box || !box.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    for (const word of node.data.matchAll(/\S+/g)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const at = range.getClientRects()[0];
      if (at && at.width >= 1 && at.height >= 4)
        found.push([word[0], at.left + scrollX, at.top + scrollY, at.right + scrollX, at.bottom + scrollY]);
    }
  }
  return found;
}"""


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do. `proxy` is the only way out; `parent` the process it must not outlive."""

    url: str
    program: str
    proxy: str
    user: str
    password: str
    seconds: float
    tiles: int
    into: str
    parent: int


def confine(order: Order) -> None:
    """Keep this process and the browser from other files, and from other addresses than the proxy's."""
    if confinement_gap() is not None:
        return
    program = Path(order.program)
    packages = [package_folder(), program.parent, program.resolve().parent, *map(Path, _BROWSERS_OWN)]
    # The browser's sandbox writes to /proc what its processes may be; those of others are not theirs to open.
    ports = (urlsplit(order.proxy).port or 0,)
    restrict(Restrictions(runtime_files(packages), (order.into, "/proc"), sockets=True, ports=ports, symlinks=True))


def _browser(order: Order, profile: Path) -> str:
    """Return the program to start: for root, one that becomes another user first."""
    if os.geteuid() != 0:
        return order.program
    os.chmod(order.into, 0o711)  # to pass through, not to list
    os.chown(profile, _NOBODY, _NOBODY)
    dropping = Path(order.into) / "browser"
    dropping.write_text(_DROP.format(python=sys.executable, nobody=_NOBODY, program=order.program))
    dropping.chmod(0o700)
    return str(dropping)


def show(order: Order) -> dict[str, Any]:
    """Load the page and write its PDF. Returns title and number of pages; Playwright's errors go through."""
    from PIL import Image
    from playwright.sync_api import TimeoutError as Late
    from playwright.sync_api import sync_playwright

    profile = Path(order.into) / "profile"
    profile.mkdir()
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=_browser(order, profile),
            args=list(_FLAGS),
            env={**child_environment(), "HOME": str(profile), "TMPDIR": str(profile)},
            proxy={"server": order.proxy, "username": order.user, "password": order.password},
            chromium_sandbox=True,
            timeout=order.seconds * 1000,
            viewport={"width": WIDTH, "height": HEIGHT},
            accept_downloads=False,
            service_workers="block",
            extra_http_headers={
                "Accept-Encoding": "identity"
            },  # the limit on bytes counts what comes, not what unfolds
        )
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.dismiss())
        page.on("popup", lambda popup: popup.close())
        page.goto(order.url, wait_until="load", timeout=order.seconds * 1000)
        most = order.tiles * HEIGHT
        page.evaluate(_SCROLL, [HEIGHT // 2, most])
        with suppress(Late):  # a page that goes on fetching is shown as it is
            page.wait_for_load_state("networkidle", timeout=_QUIET_MS)
        found = page.evaluate(_WORDS, _MOST_WORDS)
        high = min(int(page.evaluate("document.documentElement.scrollHeight")), most)
        clip = {"x": 0.0, "y": 0.0, "width": float(WIDTH), "height": float(max(high, 1))}
        picture = page.screenshot(full_page=True, clip=clip, animations="disabled")  # type: ignore[arg-type]
        title = " ".join(page.title().split())[:_LONGEST_TITLE]
        context.close()
    words = [Seen(text[:_LONGEST_WORD], *box) for text, *box in found if box[1] < high and box[0] < WIDTH]
    with Image.open(BytesIO(picture)) as image:
        pages = write_pdf(image, words, title, order.tiles, Path(order.into) / PDF)
    return {"title": title, "pages": pages}


def main() -> None:
    order = Order(**json.loads(sys.stdin.buffer.read()))
    limits.die_with_parent(order.parent)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        confine(order)
        reply = show(order)
    except Exception as error:  # noqa: BLE001 - whatever the browser says is told, and the page is given up
        sys.excepthook(type(error), error, error.__traceback__)
        reply = {"error": NO_SANDBOX if NO_SANDBOX in str(error) else str(error).partition("\n")[0][:300]}
    out.write(json.dumps(reply) + "\n")
    out.flush()


def order_line(order: Order) -> bytes:
    return json.dumps(asdict(order)).encode()


if __name__ == "__main__":
    main()
