"""The Fetcher of sources named by a web address."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection

from rag.catalog.shares import Share, record_share
from rag.data_dir import scratch
from rag.errors import MagpieError, TryAgain, Unreadable
from rag.ingest.fetch.addresses import URL, Resolve, checked_url, resolve
from rag.ingest.fetch.browser import NO_SANDBOX, PDF, Order, order_line
from rag.ingest.fetch.proxy import GuardedProxy
from rag.ports import Fetched
from rag.sandbox import child_environment, end_tree
from rag.settings import ReadSettings, WebSettings

log = logging.getLogger("magpie.web")

OFF = "off"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_HTML = ("text/html", "application/xhtml+xml")
_REDIRECTS = 5
_SILENT_SECONDS = 20
"""How long a server may say nothing."""

_LONGEST_REPLY = 1 << 16
_LONGEST_NAME = 200
_AGENT = "Magpie (a team's document index)"


_NO_SANDBOX_FIX = (
    "Save the page as a PDF and share that. Whoever runs Magpie allows the sandbox with user namespaces "
    "(in Docker: --security-opt seccomp=FILE with Chromium's profile)."
)


class UrlFetcher:
    """Files as they are, web pages as a PDF of what a browser shows. Satisfies `ports.HostFetcher`.

    `web.seconds` is kept whatever the server does: the proxy that everything comes through cuts its connections then,
    and the browser is killed five seconds later. Whatever goes wrong on the way is Unreadable or TryAgain; what is
    said of it names no host but the link's own, for a page can try names inside the network.
    """

    def __init__(self, web: WebSettings, read: ReadSettings, resolve: Resolve = resolve) -> None:
        self._web = web
        self._read = read
        self._resolve = resolve

    def host(self, ref: str) -> str:
        return _host(ref).lower().rstrip(".")

    def __call__(self, ref: str, into: Path) -> Fetched:
        url = checked_url(ref)
        end = monotonic() + self._web.seconds
        limit = self._web.max_mb << 20
        with GuardedProxy(self._web.allow, limit, self._resolve, seconds=self._web.seconds) as proxy:
            try:
                name = self._file(url, into, proxy, end) or self._page(url, into, proxy, end)
            except _STRANGE as error:
                log.info("A link to %r could not be read: %r", _host(url), error)
                raise self._why(url, proxy, error) from error
        return Fetched(name=name, link=url)

    def _file(self, url: str, into: Path, proxy: GuardedProxy, end: float) -> str:
        """Write what is no web page to `into` and return its name; "" for a page, which a browser must show."""
        with httpx.Client(
            proxy=proxy.url,
            trust_env=False,
            timeout=min(self._web.seconds, _SILENT_SECONDS),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        ) as client:
            request = client.build_request("GET", url)
            # Not httpx's own redirects: those read the body of each into memory, and unpack it.
            for _ in range(_REDIRECTS + 1):
                with closing(client.send(request, stream=True)) as response:
                    if proxy.refused or proxy.unreachable:  # the answer is the proxy's own
                        raise httpx.ConnectError("the proxy could not go there")
                    if response.next_request is None:
                        return self._write(response, into, proxy, end)
                    request = response.next_request
        raise httpx.TooManyRedirects(f"more than {_REDIRECTS}")

    def _write(self, response: httpx.Response, into: Path, proxy: GuardedProxy, end: float) -> str:
        _check_status(response)
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() in _HTML:
            return ""
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            # A few kilobytes can unpack to gigabytes, and no limit is asked in between.
            raise Unreadable(
                "The server sends the file compressed, though it was asked not to.", "Download it, and share the file."
            )
        size = 0
        with into.open("wb") as file:
            for block in response.iter_raw():
                size += len(block)
                if size > self._read.max_mb << 20 or proxy.exceeded:
                    raise _too_large(self._web)
                if monotonic() > end:
                    raise _too_late(self._web)
                file.write(block)
        name = Path(urlsplit(str(response.url)).path).name or _host(str(response.url))
        return name[:_LONGEST_NAME]

    def _page(self, url: str, into: Path, proxy: GuardedProxy, end: float) -> str:
        program = browser_program(self._web.browser)
        if program is None:
            raise Unreadable("There is no browser to show web pages with.", browser_remedy())
        with scratch("web") as folder:
            left = end - monotonic()
            if left <= 0:
                raise _too_late(self._web)
            order = Order(
                url, program, proxy.server, proxy.user, proxy.password, left, self._web.tiles, folder, os.getpid()
            )
            reply = _run(order, left)
            if proxy.exceeded:
                raise _too_large(self._web)
            if reply is None or proxy.late:  # what was cut off would pass for the whole page
                raise _too_late(self._web)
            pdf = Path(folder) / PDF
            if reply.get("error") == NO_SANDBOX:
                raise Unreadable("Web pages are not shown here: Chromium cannot start its sandbox.", _NO_SANDBOX_FIX)
            if "error" in reply or not pdf.is_file():
                raise _BrowserFailed(reply.get("error", "no PDF"))
            # The browser writes in that folder, too: a link there leads to what it may not read itself.
            with os.fdopen(os.open(pdf, os.O_RDONLY | os.O_NOFOLLOW), "rb") as made, into.open("wb") as file:
                shutil.copyfileobj(made, file)
        return str(reply.get("title") or "")[:_LONGEST_NAME] or _short(url)

    def _why(self, url: str, proxy: GuardedProxy, error: Exception) -> MagpieError:
        if proxy.refused:
            return Unreadable(
                "The link leads inside this network, or to a port that is not for web pages. Magpie does not go there.",
                "If it may be read, whoever runs Magpie adds the host, which its log names, to MAGPIE_WEB__ALLOW.",
            )
        if proxy.exceeded:
            return _too_large(self._web)
        if proxy.late:
            return _too_late(self._web)
        host = _host(url)
        if isinstance(error, httpx.TimeoutException):
            return Unreadable(
                f"{host} did not answer within {min(self._web.seconds, _SILENT_SECONDS):g} s.",
                "Save the page as a PDF and share that.",
            )
        if isinstance(error, httpx.TooManyRedirects | httpx.UnsupportedProtocol | httpx.InvalidURL):
            return Unreadable("The address only sends from place to place.", "Open it, and give the one you end at.")
        if isinstance(error, _BrowserFailed):
            return TryAgain("The browser could not show the page.", "Try again, or save it as a PDF and share that.")
        if isinstance(error, httpx.ProtocolError):
            return TryAgain(f"{host} broke off, or does not answer as a web server does.", "Try again later.")
        if isinstance(error, httpx.TransportError):
            return TryAgain(f"{host} could not be reached.", "Check the address, and try again.")
        return Unreadable(f"{host} does not answer as a web server does.", "Save the page as a PDF and share that.")


class _BrowserFailed(Exception):
    """The browser's process said why, or nothing."""


_STRANGE = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    httpx.CookieConflict,
    ValueError,  # UnicodeError of a name, CertificateError of a certificate
    LookupError,  # an encoding that does not exist
    _BrowserFailed,
)
"""What a stranger's server can bring about on the way to a file. httpx wraps the errors of sockets, TLS and h11."""


def browser_program(setting: str) -> str | None:
    """The browser to use: as set, else the first that is installed; None when there is none, or it is off."""
    if setting == OFF:
        return None
    return next((found for name in ((setting,) if setting else _PROGRAMS) if (found := shutil.which(name))), None)


def browser_remedy() -> str:
    return "Install Chromium (Debian, Ubuntu: sudo apt install chromium), or set MAGPIE_WEB__BROWSER to its program."


def put_url(connection: Connection, url: str, space: str, seen_ns: int) -> tuple[int, bool]:
    """Record a web address as shared in a space, to be fetched anew: pages change. As `shares.record_share`."""
    url = checked_url(url)
    return record_share(connection, Share(URL, url, space, _short(url), url, changed_ns=seen_ns))


def _host(url: str) -> str:
    """The host as it is written; "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _short(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path.rstrip('/')}"


def _run(order: Order, seconds: float) -> dict[str, str] | None:
    """The browser process's reply, or None when it took longer. Everything it started ends with it."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "rag.ingest.fetch.browser"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment({"PYTHONPATH": path, "HOME": order.into, "TMPDIR": order.into}),
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(order_line(order), timeout=seconds + 5)
        found = json.loads(said[:_LONGEST_REPLY] or b"{}")
        return found if isinstance(found, dict) and found else {"error": "the browser ended"}
    except subprocess.TimeoutExpired:
        return None
    except ValueError:
        return {"error": "the browser said nothing sensible"}
    finally:
        end_tree(process.pid)
        process.communicate()


def _check_status(response: httpx.Response) -> None:
    """Raise Unreadable where asking again is of no use, TryAgain where it may be."""
    status = response.status_code
    if status in (401, 403, 407):
        raise Unreadable(f"The page is not open to everybody (HTTP {status}).", "Save it as a PDF and share that.")
    if status == 429 or status >= 500:
        raise TryAgain(f"The page's server is out of order (HTTP {status}).", "Try again later.")
    if status >= 300:
        raise Unreadable(f"There is no such page (HTTP {status}).", "Check the address.")


def _too_large(web: WebSettings) -> Unreadable:
    return Unreadable(f"The page brings more than {web.max_mb} MB.", "Save what matters as a PDF, or raise web.max_mb.")


def _too_late(web: WebSettings) -> Unreadable:
    return Unreadable(f"The page took longer than {web.seconds:g} s.", "Save it as a PDF, or raise web.seconds.")
