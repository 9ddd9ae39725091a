"""Files in Slack: where they are shared, and their bytes, checked before, during and after the download."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.settings import SlackSettings
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.events import SlackFile
from bot.slack.file_objects import slack_file
from bot.slack.message_text import mentions
from bot.slack.messages import file_texts
from bot.slack.text_files import has_text, text_in, text_of, text_url
from rag import FetchResult, NotFound, OperatorMustAct, OriginUnavailable, SpaceListing, TryAgain, Unreadable

KIND = "slack"
"""Kind of sources that are files in Slack; their ref is the file's id."""

LINK = "slack-link"
"""Kind of sources that are web pages linked in a conversation; their ref is the address."""

_GONE = frozenset({"file_not_found", "file_deleted", "not_visible"})
"""Errors of files.info for a file that is not shared in any of Magpie's conversations."""

_LOGIN_PAGE = re.compile(rb"\s*<(?:!doctype )?html\b.*?\bsign[ _-]?in\b", re.IGNORECASE | re.DOTALL)
"""A canvas is HTML as well, but only a part of a page."""

_SECOND = 1_000_000_000
_BLOCK = 1 << 16
_SECONDS = 60


class NotReady(TryAgain):
    """Slack is still checking the bytes of a file."""


class SlackFiles:
    """The files of one workspace, as a Fetcher for rag. Thread-safe."""

    def __init__(
        self,
        client: SlackClient,
        settings: SlackSettings,
        me: str,
        max_mb: int,
        is_wanted: Callable[[str], bool] = lambda _: False,
        own_teams: frozenset[str] = frozenset(),
    ) -> None:
        """`is_wanted`: whether a known message shares a file to be indexed. `own_teams`: the workspace and organization
        whose files are indexed; empty: those of others are, too."""
        self._client = client
        self._is_wanted = is_wanted
        self._own_teams = own_teams
        self._token = settings.bot_token.get_secret_value()
        self._hosts = settings.file_hosts
        self._me = me
        self._max_mb = max_mb

    # ------------------------------------------------------------ the fetcher

    def __call__(self, ref: str, into: Path) -> FetchResult:
        """Download a file for the index. Raise NotFound if it must not be indexed; rag then removes its shares.

        Raise TryAgain for a file of another organization, until it is known as one.
        """
        raw = self.ready(ref)
        file = slack_file(raw)
        if file.user == self._me or not file.readable:
            raise NotFound(f"{file.name} cannot be indexed.")
        if self._own_teams and file.team and file.team not in self._own_teams:  # a stub did not say so
            # The job that looks the file up records why it is left out, and tells the person. It is only slower.
            raise TryAgain(f"{file.name} is of another organization.", "Wait until it was looked up.")
        if file.picture and not self._is_wanted(ref) and self._sent_to_me(raw):
            raise NotFound(f"{file.name} was sent as a question.")
        self.download(raw, into)
        return FetchResult(changed_ns(file), file.size, file.name, file.link)

    def info(self, file: str) -> Mapping[str, Any]:
        """Return the complete file object. Raise NotFound if the file is deleted or not shared in any of Magpie's
        conversations, and TryAgain if Slack does not say whether it is."""
        try:
            return self._client.get_file(file)
        except Refused as error:
            if error.code not in _GONE:
                raise TryAgain(f"Slack did not show the file {file} ({error.code}).") from error
            raise NotFound(f"Slack has no file {file} for Magpie ({error.code}).") from error

    def ready(self, file: str) -> Mapping[str, Any]:
        """Return the file object. Raise NotReady while Slack checks the bytes, which takes a moment, or for ever: a new
        file has no type and no address."""
        raw = self.info(file)
        if raw.get("mode") in ("tombstone", "hidden_by_limit"):
            raise NotFound(f"The file {file} is deleted or hidden.")
        if raw.get("mimetype") and (raw.get("url_private_download") or has_text(raw)):
            return raw
        if raw.get("is_external"):
            raise NotFound(f"The file {file} is not hosted by Slack.")
        raise NotReady("Slack is still checking the file.")

    def _sent_to_me(self, raw: Mapping[str, Any]) -> bool:
        """Return whether every message that shares this picture is a question: a direct message or a mention."""
        places = list(_shares(raw))
        return bool(places) and all(self._asks_me(channel, share) for channel, share in places)

    def _asks_me(self, channel: str, share: Mapping[str, Any]) -> bool:
        if channel.startswith("D"):
            return True
        try:
            found = self._client.find_message(channel, str(share.get("ts", "")), str(share.get("thread_ts") or ""))
        except Refused:
            return False
        return found is not None and mentions(found, self._me)

    # ------------------------------------------------------------ bytes

    def download(self, raw: Mapping[str, Any], into: Path) -> None:
        """Write the file's bytes to `into`; of a canvas, post, e-mail or clip, write its text.

        The token is sent to configured hosts only; redirects are not followed. Raise Unreadable for a file over the
        limit, OperatorMustAct if Slack sends a login page, and TryAgain if the download is incomplete.
        """
        text, url = text_in(raw), text_url(raw)
        if text is not None:
            into.write_text(text, encoding="utf-8")
        elif url is not None:
            self._download(url, into, None, html=True, text=True)
            data = into.read_bytes()
            if _LOGIN_PAGE.match(data[:_BLOCK]):
                raise _login_page()
            into.write_text(text_of(raw, data), encoding="utf-8")
        else:
            file, kind = slack_file(raw), str(raw.get("mimetype", ""))
            if (file.size or 0) > self._max_mb << 20:
                raise Unreadable(
                    file_texts.file_too_large((file.size or 0) >> 20, self._max_mb),
                    file_texts.SPLIT_FILE_OR_RAISE_LIMIT,
                )
            # A text file may begin like a web page. A login page instead of it is detected by its header.
            html, is_text = kind.startswith("text/html"), kind.startswith("text/")
            self._download(str(raw["url_private_download"]), into, file.size, html=html, text=is_text)

    def _download(self, url: str, into: Path, size: int | None, *, html: bool, text: bool) -> None:
        self._check_address(url)
        try:
            with (
                httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
                client.stream("GET", url, headers={"Authorization": f"Bearer {self._token}"}) as response,
            ):
                _check_response(response, html=html)
                self._write(response, into, size, html=html or text)
        except (httpx.NetworkError, httpx.ConnectTimeout) as error:
            raise OriginUnavailable(f"Slack's files cannot be reached ({type(error).__name__}).") from error
        except httpx.HTTPError as error:
            raise TryAgain(f"The file could not be downloaded ({type(error).__name__}).") from error

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc not in self._hosts or not (parts.scheme == "https" or _is_loopback(parts.hostname)):
            raise OperatorMustAct(
                f"The file is at {parts.scheme}://{parts.netloc}, which is not in SLACK_FILE_HOSTS.",
                "If Slack serves your files from there, add the host to SLACK_FILE_HOSTS.",
            )

    def _write(self, response: httpx.Response, into: Path, size: int | None, *, html: bool) -> None:
        """Write a file. A file other than `html` can begin like a web page too, but a login page has another size."""
        written, is_page = 0, False
        with into.open("wb") as out:
            for block in response.iter_bytes(_BLOCK):
                if not written:
                    is_page = not html and block[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))
                written += len(block)
                if written > self._max_mb << 20:
                    raise Unreadable(file_texts.file_over_limit(self._max_mb), file_texts.SPLIT_FILE)
                out.write(block)
        if is_page and written != size:
            raise _login_page()
        if size is not None and written != size:
            raise TryAgain(f"Only {written} of {size} bytes arrived.")


def _check_response(response: httpx.Response, *, html: bool) -> None:
    if response.is_redirect:
        raise _login_page()
    if response.status_code == 404:
        raise NotFound("Slack no longer has the file.")
    if response.status_code == 429 or response.status_code >= 500:
        raise OriginUnavailable(f"Slack answered {response.status_code}.")
    if response.status_code != 200:
        raise _login_page()
    if response.headers.get("Content-Type", "").startswith("text/html") and not html:
        raise _login_page()


def _login_page() -> OperatorMustAct:
    return OperatorMustAct(
        "Slack sent a login page instead of the file.",
        "Check the scope files:read, then install the app again. `magpie doctor` tests the download of a file.",
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def changed_ns(file: SlackFile) -> int | None:
    """Return the time of a file as the catalog stores it, in nanoseconds; None for a stub."""
    return None if file.created is None else file.created * _SECOND


def _shares(raw: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield (channel, share) for every message in which Magpie can see this file."""
    for spaces in (raw.get("shares") or {}).values():
        for channel, shares in spaces.items():
            for share in shares:
                yield channel, share


def listings(raw: Mapping[str, Any], spaces: Iterable[str]) -> dict[str, SpaceListing]:
    """Return, for each of these conversations, which messages share a file according to its file object.

    A stub, an object without `shares` and a truncated list of shares can prove that a file is shared, but not that it
    is not.
    """
    named = channels_of(raw)
    says_all = isinstance(raw.get("shares"), Mapping) and not raw.get("has_more_shares") and not slack_file(raw).stub
    if raw.get("mode") == "tombstone":
        return dict.fromkeys(spaces, SpaceListing({}, is_complete=True, is_there=False))
    found = {}
    for space in spaces:
        shares = [share for channel, share in _shares(raw) if channel == space]
        threads = {str(share["ts"]): _thread_of(share) for share in shares if share.get("ts")}
        is_there = bool(threads) or space in named
        found[space] = SpaceListing(threads, says_all and (bool(threads) or not is_there), is_there)
    return found


def _thread_of(share: Mapping[str, Any]) -> str:
    thread = str(share.get("thread_ts") or "")
    return "" if thread == share.get("ts") else thread


def channels_of(raw: Mapping[str, Any]) -> set[str]:
    """Return the conversations a file is shared in, as far as Magpie can see them."""
    named = {channel for key in ("channels", "groups", "ims") for channel in raw.get(key) or ()}
    return named | {channel for channel, _ in _shares(raw)}
