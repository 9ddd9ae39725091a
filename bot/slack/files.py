"""Files in Slack: where they are shared, and their bytes, checked before, during and after the download."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.settings import SlackSettings
from bot.slack import messages
from bot.slack.client import Refused, SlackClient
from bot.slack.events import SlackFile
from bot.slack.payloads import mentions, slack_file
from rag import FetchResult, NotFound, OperatorMustAct, TryAgain, Unreadable

KIND = "slack"
"""Kind of sources that are files in Slack; their ref is the file's id."""

LINK = "slack-link"
"""Kind of sources that are web pages linked in a conversation; their ref is the address."""

_GONE = frozenset({"file_not_found", "file_deleted", "not_visible"})
"""Errors of files.info for a file that is not shared in any of Magpie's conversations."""

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
        is_question: Callable[[str, str], bool] = lambda _channel, _ts: False,
    ) -> None:
        """`is_wanted`: whether a person asked to index a picture that was sent as a question. `is_question`: whether a
        message is a question, by its channel and ts.
        """
        self._client = client
        self._is_wanted = is_wanted
        self._is_question = is_question
        self._token = settings.bot_token.get_secret_value()
        self._hosts = settings.file_hosts
        self._me = me
        self._max_mb = max_mb

    # ------------------------------------------------------------ the fetcher

    def __call__(self, ref: str, into: Path) -> FetchResult:
        """Download a file for the index. Raise NotFound if it must not be indexed; rag then removes its shares."""
        raw = self.ready(ref)
        file = slack_file(raw)
        if file.user == self._me or not file.readable:
            raise NotFound(f"{file.name} cannot be indexed.")
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
        if raw.get("mimetype") and raw.get("url_private_download"):
            return raw
        if raw.get("is_external"):
            raise NotFound(f"The file {file} is not hosted by Slack.")
        raise NotReady("Slack is still checking the file.")

    def _sent_to_me(self, raw: Mapping[str, Any]) -> bool:
        """Return whether every message that shares this picture is a question: a direct message or a mention."""
        places = list(_shares(raw))
        return bool(places) and all(self._asks_me(channel, share) for channel, share in places)

    def shows_document(self, raw: Mapping[str, Any], channel: str, removed: Collection[str] = ()) -> bool:
        """Return whether any message in a conversation, except those in `removed`, shares this picture without asking
        Magpie about it."""
        shares = [share for shared_in, share in _shares(raw) if shared_in == channel and share.get("ts") not in removed]
        return any(not self._asks_me(channel, share) for share in shares)

    def _asks_me(self, channel: str, share: Mapping[str, Any]) -> bool:
        return (
            channel.startswith("D")
            or self._is_question(channel, str(share.get("ts", "")))
            or self._mentions_me(channel, share)
        )

    def _mentions_me(self, channel: str, share: Mapping[str, Any]) -> bool:
        try:
            found = self._client.find_message(channel, str(share.get("ts", "")), str(share.get("thread_ts") or ""))
        except Refused:
            return False
        return found is not None and mentions(found.get("text", ""), self._me)

    # ------------------------------------------------------------ bytes

    def download(self, raw: Mapping[str, Any], into: Path) -> None:
        """Write the file's bytes to `into`. The token is sent to configured hosts only; redirects are not followed.

        Raise Unreadable for a file over the limit, OperatorMustAct if Slack sends a login page, and TryAgain if the
        download is incomplete.
        """
        file, url = slack_file(raw), str(raw["url_private_download"])
        if (file.size or 0) > self._max_mb << 20:
            raise Unreadable(
                messages.file_too_large((file.size or 0) >> 20, self._max_mb), messages.SPLIT_FILE_OR_RAISE_LIMIT
            )
        self._check_address(url)
        kind = str(raw.get("mimetype", ""))
        try:
            with (
                httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
                client.stream("GET", url, headers={"Authorization": f"Bearer {self._token}"}) as response,
            ):
                _check_response(response, html=kind.startswith("text/html"))
                # A text file may begin like a web page. A login page instead of it was detected by its header above.
                self._write(response, into, file.size, text=kind.startswith("text/"))
        except httpx.HTTPError as error:
            raise TryAgain(f"The file could not be downloaded ({type(error).__name__}).") from error

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc not in self._hosts or not (parts.scheme == "https" or _is_loopback(parts.hostname)):
            raise OperatorMustAct(
                f"The file is at {parts.scheme}://{parts.netloc}, which is not in SLACK_FILE_HOSTS.",
                "If Slack serves your files from there, add the host to SLACK_FILE_HOSTS.",
            )

    def _write(self, response: httpx.Response, into: Path, size: int | None, *, text: bool) -> None:
        written = 0
        with into.open("wb") as out:
            for block in response.iter_bytes(_BLOCK):
                if not written and not text and block[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
                    raise _login_page()
                written += len(block)
                if written > self._max_mb << 20:
                    raise Unreadable(messages.file_over_limit(self._max_mb), messages.SPLIT_FILE)
                out.write(block)
        if size is not None and written != size:
            raise TryAgain(f"Only {written} of {size} bytes arrived.")


def _check_response(response: httpx.Response, *, html: bool) -> None:
    if response.is_redirect:
        raise _login_page()
    if response.status_code == 404:
        raise NotFound("Slack no longer has the file.")
    if response.status_code == 429 or response.status_code >= 500:
        raise TryAgain(f"Slack answered {response.status_code}.")
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


def is_shared_in(raw: Mapping[str, Any], channel: str, removed: Collection[str] = ()) -> bool | None:
    """Return whether a file is shared in a conversation; None if this file object does not say. `removed`: ts of
    messages to ignore.

    A stub, an object without `shares` and a truncated list of shares can prove that a file is shared, but not that it
    is not.
    """
    if raw.get("mode") == "tombstone":
        return False
    messages = {str(share.get("ts", "")) for shared_in, share in _shares(raw) if shared_in == channel}
    if messages - set(removed):
        return True
    if not messages and channel in channels_of(raw):
        return None if removed else True
    is_complete = isinstance(raw.get("shares"), Mapping) and not raw.get("has_more_shares")
    return False if is_complete and not slack_file(raw).stub else None


def shared_at(raw: Mapping[str, Any], channel: str) -> float:
    """Return when a file was last shared in a conversation, in seconds since 1970; 0 if the object does not say."""
    return max((float(share.get("ts") or 0) for space, share in _shares(raw) if space == channel), default=0.0)


def channels_of(raw: Mapping[str, Any]) -> set[str]:
    """Return the conversations a file is shared in, as far as Magpie can see them."""
    named = {channel for key in ("channels", "groups", "ims") for channel in raw.get(key) or ()}
    return named | {channel for channel, _ in _shares(raw)}
