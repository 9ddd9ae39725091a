"""The Fetcher for sources that are URLs."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import Connection

from rag.catalog.shares import Share, record_share
from rag.catalog.sources import known_validators
from rag.data_dir import temporary_folder
from rag.errors import MagpieError, TryAgain, Unreadable
from rag.ingest.fetch import page_checks
from rag.ingest.fetch.addresses import URL_KIND, Resolve, resolve, validate_url
from rag.ingest.fetch.browser import NO_SANDBOX, PDF, RenderJob, encode_job
from rag.ingest.fetch.conditional import Validators
from rag.ingest.fetch.content_types import file_name, is_other_file, is_web_page
from rag.ingest.fetch.proxy import GuardedProxy
from rag.ports import FetchResult, ReadTransaction
from rag.sandbox import child_environment, end_tree
from rag.setting_groups import ReadSettings, WebSettings
from rag.settings import Settings

log = logging.getLogger("magpie.web")

OFF = "off"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_REDIRECTS = 5
_SILENT_SECONDS = 20
"""Maximum time without data from a server."""

_MAX_REPLY_BYTES = 1 << 16
_MAX_NAME_CHARS = 200
_AGENT = "Magpie (a team's document index)"


_NO_SANDBOX_FIX = (
    "Save the page as a PDF and share that. The operator can allow the sandbox by allowing user namespaces "
    "(in Docker: --security-opt seccomp=FILE with Chromium's profile)."
)


class UrlFetcher:
    """Fetches files as they are, and web pages as a PDF rendered by a browser. Implements `ports.HostFetcher`.

    `web.seconds` is enforced: the proxy then closes its connections, and the browser is killed five seconds later. All
    failures are raised as Unreadable or TryAgain. Their messages name only the link's own host, because a page could
    probe for hosts inside the network.
    """

    def __init__(
        self,
        web: WebSettings,
        read: ReadSettings,
        resolve: Resolve = resolve,
        known: Callable[[str], str] = lambda _: "",
    ) -> None:
        """`known` returns the validators of an earlier fetch of a URL: an unchanged page is not fetched again."""
        self._known = known
        self._web = web
        self._read = read
        self._resolve = resolve

    def host(self, ref: str) -> str:
        """Return the host of a URL in lower case."""
        return _host(ref).lower().rstrip(".")

    def __call__(self, ref: str, into: Path) -> FetchResult:
        url = validate_url(ref)
        end = monotonic() + self._web.seconds
        limit = self._web.max_mb << 20
        with GuardedProxy(self._web.allow, limit, self._resolve, seconds=self._web.seconds) as proxy:
            try:
                found = self._download(url, into, proxy, end)
                name = found.name
                if not name and not found.unchanged:
                    name, found = self._read_page(url, into, proxy, end, found)
            except _FETCH_ERRORS as error:
                log.info("Could not fetch a link to %r: %r", _host(url), error)
                raise self._explain(url, proxy, error) from error
        return FetchResult(name=name, link=url, validators=found.validators, unchanged=found.unchanged)

    def _download(
        self, url: str, into: Path, proxy: GuardedProxy, end: float, *, conditional: bool = True
    ) -> FetchResult:
        """Write a file to `into` and return its name; "" if it is a web page, which needs a browser, or unchanged."""
        known = Validators.decode(self._known(url)) if conditional else Validators()
        with httpx.Client(
            proxy=proxy.url,
            trust_env=False,
            timeout=min(self._web.seconds, _SILENT_SECONDS),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        ) as client:
            request = client.build_request("GET", url)
            # httpx's own redirects would read and decompress the body of each response.
            for _ in range(_REDIRECTS + 1):
                for name in ("If-None-Match", "If-Modified-Since"):
                    request.headers.pop(name, None)
                conditions = known.headers(str(request.url))
                request.headers.update(conditions)
                with closing(client.send(request, stream=True)) as response:
                    # The response is from the proxy itself. Hosts of a rendered page's other files do not matter.
                    if request.url.host in proxy.refused | proxy.unreachable:
                        raise httpx.ConnectError("the proxy could not connect")
                    if response.status_code == 304 and conditions:
                        return FetchResult(unchanged=True)
                    if response.next_request is None:
                        name = self._save_body(response, into, proxy, end)
                        validators = Validators.of_response(str(request.url), response.headers)
                        return FetchResult(name=name, validators=validators.encode())
                    request = response.next_request
        raise httpx.TooManyRedirects(f"more than {_REDIRECTS}")

    def _save_body(self, response: httpx.Response, into: Path, proxy: GuardedProxy, end: float) -> str:
        """Write the body to `into` and return the file's name; "" if it is a web page."""
        _check_status(response.status_code)
        is_page = is_web_page(response.headers)
        blocks = response.iter_raw()
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            if is_page:
                return ""
            # A few kilobytes can decompress to gigabytes.
            raise Unreadable(
                "The server sent the file compressed, against our request.", "Download and share the file."
            )
        start = next(blocks, b"")
        if is_page and not is_other_file(start):
            return ""
        size = 0
        with into.open("wb") as file:
            for block in chain([start], blocks):
                size += len(block)
                if size > self._read.max_mb << 20 or proxy.exceeded:
                    raise _too_large(self._web)
                if monotonic() > end:
                    raise _too_late(self._web)
                file.write(block)
        return file_name(response.headers, str(response.url))[:_MAX_NAME_CHARS] or _host(str(response.url))

    def _read_page(
        self, url: str, into: Path, proxy: GuardedProxy, end: float, found: FetchResult
    ) -> tuple[str, FetchResult]:
        """Write a web page, or the file that it leads to, to `into`. Return its name and the result."""
        reply = self._render(url, into, proxy, end)
        file = reply.get("file")
        if file:
            found = self._download(validate_url(str(file)), into, proxy, end, conditional=False)
            if not found.name:
                raise Unreadable("The page leads to another page by itself.", "Open it and share the final address.")
            return found.name, FetchResult()
        return str(reply.get("title") or "")[:_MAX_NAME_CHARS] or _display_name(url), found

    def _render(self, url: str, into: Path, proxy: GuardedProxy, end: float) -> dict[str, Any]:
        """Write a web page as a PDF to `into` and return the browser's reply; it may name a file instead."""
        program = browser_program(self._web.browser)
        if program is None:
            raise Unreadable("Web pages can't be read here: no browser was found.", browser_remedy())
        with temporary_folder("web") as folder:
            left = end - monotonic()
            if left <= 0:
                raise _too_late(self._web)
            job = RenderJob(
                url, program, proxy.server, proxy.user, proxy.password, left, self._web.tiles, folder, os.getpid()
            )
            reply = _run_browser(job, left)
            if proxy.exceeded:
                raise _too_large(self._web)
            if reply is None or proxy.late:  # a truncated page must not count as the whole page
                raise _too_late(self._web)
            pdf = Path(folder) / PDF
            if reply.get("error") == NO_SANDBOX:
                raise Unreadable("Web pages can't be read here: Chromium can't start its sandbox.", _NO_SANDBOX_FIX)
            _check_refusal(reply)
            if reply.get("file"):
                return reply
            if "error" in reply or not pdf.is_file():
                raise _BrowserFailed(reply.get("error", "no PDF"))
            # O_NOFOLLOW: the browser can write to the folder, and could create a link to a file it can't read itself.
            with os.fdopen(os.open(pdf, os.O_RDONLY | os.O_NOFOLLOW), "rb") as rendered, into.open("wb") as file:
                shutil.copyfileobj(rendered, file)
        return reply

    def _explain(self, url: str, proxy: GuardedProxy, error: Exception) -> MagpieError:
        """Return the error to raise for a failed fetch."""
        if proxy.refused:
            return Unreadable(
                "The link leads to an address inside this network, or to a port that is not for web pages.",
                "To allow it, the operator can add the host, which is named in Magpie's log, to MAGPIE_WEB__ALLOW.",
            )
        if proxy.exceeded:
            return _too_large(self._web)
        if proxy.late:
            return _too_late(self._web)
        host = _host(url)
        if isinstance(error, httpx.TimeoutException):
            return Unreadable(
                f"{host} did not respond within {min(self._web.seconds, _SILENT_SECONDS):g} s.",
                "Save the page as a PDF and share that.",
            )
        if isinstance(error, httpx.TooManyRedirects | httpx.UnsupportedProtocol | httpx.InvalidURL):
            return Unreadable(
                "The address redirects without end, or to an invalid address.", "Open it and share the final address."
            )
        if isinstance(error, _BrowserFailed):
            return TryAgain("The browser couldn't render the page.", "Try again, or save it as a PDF and share that.")
        if isinstance(error, httpx.ProtocolError):
            return TryAgain(f"{host} closed the connection, or sent an invalid response.", "Try again later.")
        if isinstance(error, httpx.TransportError):
            return TryAgain(f"{host} couldn't be reached.", "Check the address and try again.")
        return Unreadable(f"{host} sent an invalid response.", "Save the page as a PDF and share that.")


def open_url_fetcher(settings: Settings, kind: str, read: ReadTransaction) -> UrlFetcher:
    """Return a fetcher of sources of this kind, whose ref is the URL, that asks for changes only."""

    def known(url: str) -> str:
        with read() as connection:
            return known_validators(connection, kind, url)

    return UrlFetcher(settings.web, settings.read, known=known)


class _BrowserFailed(Exception):
    """The browser process reported an error, or wrote no PDF."""


_FETCH_ERRORS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    httpx.CookieConflict,
    ValueError,  # including UnicodeError for a host and CertificateError
    LookupError,  # an unknown encoding
    _BrowserFailed,
)
"""Errors that a server can cause. httpx wraps the errors of sockets, TLS and h11."""


def browser_program(setting: str) -> str | None:
    """Return the browser's path: the one in the setting, else the first installed; None if off or not found."""
    if setting == OFF:
        return None
    return next((found for name in ((setting,) if setting else _PROGRAMS) if (found := shutil.which(name))), None)


def browser_remedy() -> str:
    """Return what to do if there is no browser."""
    return "Install Chromium (Debian, Ubuntu: sudo apt install chromium), or set MAGPIE_WEB__BROWSER to its path."


def add_url(connection: Connection, url: str, space: str, seen_ns: int) -> tuple[int, bool]:
    """Record a URL as shared in a space; it will be fetched again, because pages change. As `shares.record_share`."""
    url = validate_url(url)
    return record_share(connection, Share(URL_KIND, url, space, _display_name(url), url, changed_ns=seen_ns))


def _host(url: str) -> str:
    """Return the host as written in the URL; "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _display_name(url: str) -> str:
    """Return host and path of the URL."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path.rstrip('/')}"


def _run_browser(job: RenderJob, seconds: float) -> dict[str, Any] | None:
    """Return the reply of the browser process, or None on a timeout. All its processes have ended then."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "rag.ingest.fetch.browser"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environment({"PYTHONPATH": path, "HOME": job.into, "TMPDIR": job.into}),
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(encode_job(job), timeout=seconds + 5)
        reply = json.loads(output[:_MAX_REPLY_BYTES] or b"{}")
        return reply if isinstance(reply, dict) and reply else {"error": "the browser ended"}
    except subprocess.TimeoutExpired:
        return None
    except ValueError:
        return {"error": "the browser sent an invalid reply"}
    finally:
        end_tree(process.pid)
        process.communicate()


def _check_refusal(reply: Mapping[str, Any]) -> None:
    """Raise Unreadable or TryAgain if the browser found that the page is not the document."""
    if isinstance(reply.get("status"), int) and reply["status"]:
        _check_status(reply["status"])
    if reply.get("refused") in _REFUSALS:
        raise Unreadable(*_REFUSALS[reply["refused"]])


_REFUSALS = {
    page_checks.SIGN_IN: (
        "The link leads to a sign-in page: the document is behind it.",
        "Save the page as a PDF and share that.",
    ),
    page_checks.CONSENT: (
        "The site shows only a request for consent to cookies instead of the page.",
        "Save the page as a PDF and share that.",
    ),
    page_checks.ROBOT_CHECK: (
        "The site shows a check for robots instead of the page.",
        "Save the page as a PDF and share that.",
    ),
}


def _check_status(status: int) -> None:
    """Raise TryAgain if a later attempt may succeed, Unreadable for other error statuses."""
    if status in (401, 403, 407):
        raise Unreadable(f"The page isn't public (HTTP {status}).", "Save it as a PDF and share that.")
    if status == 429 or status >= 500:
        raise TryAgain(f"The page's server has a problem (HTTP {status}).", "Try again later.")
    if status >= 300:
        raise Unreadable(f"The page doesn't exist (HTTP {status}).", "Check the address.")


def _too_large(web: WebSettings) -> Unreadable:
    return Unreadable(
        f"The page is larger than {web.max_mb} MB.", "Save the relevant part as a PDF, or raise `web.max_mb`."
    )


def _too_late(web: WebSettings) -> Unreadable:
    return Unreadable(f"The page took longer than {web.seconds:g} s.", "Save it as a PDF, or raise `web.seconds`.")
