"""Files from Slack, with every check before, while and after; and the pictures that go back."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from slack_sdk import WebClient

from bot.settings import SlackSettings
from bot.slack.client import Refused, calling
from bot.slack.events import SlackFile
from bot.slack.payloads import mentions, slack_file
from rag import Fetched, NotFound, OperatorMustAct, TryAgain, Unreadable

KIND = "slack"
"""What a source that lies at Slack is called in the catalog; its ref is the file's id."""

LINK = "slack-link"
"""What a web page is called there whose address was written in a conversation; its ref is the address."""

_GONE = frozenset({"file_not_found", "file_deleted", "not_visible"})
"""What files.info says of a file that no conversation shares where Magpie is. Other errors say nothing about that."""

_READY_AFTER = (0.5, 1, 2, 4, 8)
"""Seconds between two looks at a fresh file, which has no type and no address while Slack checks it."""

_SECOND = 1_000_000_000
_BLOCK = 1 << 16
_SECONDS = 60


class SlackFiles:
    """Knows one workspace's files. Any thread may call it."""

    def __init__(
        self,
        client: WebClient,
        settings: SlackSettings,
        me: str,
        max_mb: int,
        stop: threading.Event,
        is_wanted: Callable[[str], bool] = lambda _: False,
        is_question: Callable[[str, str], bool] = lambda _channel, _ts: False,
    ) -> None:
        """`stop` ends the waits for fresh files.

        `is_wanted`: whether a person asked to index a picture that was sent as a question. `is_question`: whether a
        message is a question, by its channel and ts.
        """
        self._client = client
        self._is_wanted = is_wanted
        self._is_question = is_question
        self._token = settings.bot_token.get_secret_value()
        self._hosts = settings.file_hosts
        self._me = me
        self._max_mb = max_mb
        self._stop = stop

    # ------------------------------------------------------------ what rag fetches

    def __call__(self, ref: str, into: Path) -> Fetched:
        """As rag's Fetcher. A file that is not Magpie's business counts as gone: its shares go, without a word."""
        raw = self.ready(ref)
        file = slack_file(raw)
        if file.user == self._me or not file.readable:
            raise NotFound(f"{file.name} is not for the index.")
        if file.picture and not self._is_wanted(ref) and self._sent_to_me(raw):
            raise NotFound(f"{file.name} was sent as a question.")
        self.download(raw, into)
        return Fetched(changed_ns(file), file.size, file.name, file.link)

    def info(self, file: str) -> Mapping[str, Any]:
        """The whole file object. Raise NotFound for one that is deleted, or not shared in any conversation that Magpie
        is in; TryAgain when Slack does not say which."""
        try:
            with calling():
                found: Mapping[str, Any] = self._client.files_info(file=file)["file"]
        except Refused as error:
            if error.code not in _GONE:
                raise TryAgain(f"Slack did not show the file {file} ({error.code}).") from error
            raise NotFound(f"Slack has no file {file} for Magpie ({error.code}).") from error
        return found

    def ready(self, file: str) -> Mapping[str, Any]:
        """The file object once Slack has checked the bytes. Raise TryAgain when that takes longer than 16 s."""
        for wait in (*_READY_AFTER, 0):
            raw = self.info(file)
            if raw.get("mode") in ("tombstone", "hidden_by_limit"):
                raise NotFound(f"The file {file} is deleted or hidden.")
            if raw.get("mimetype") and raw.get("url_private_download"):
                return raw
            if raw.get("is_external") or self._stop.wait(wait):
                break
        if raw.get("is_external"):
            raise NotFound(f"The file {file} does not lie at Slack.")
        raise TryAgain("Slack is still checking the file.")

    def _sent_to_me(self, raw: Mapping[str, Any]) -> bool:
        """Whether every message that shares this picture is a question: in a direct message, or with a mention."""
        places = list(_shares(raw))
        return bool(places) and all(self._asks_me(channel, share) for channel, share in places)

    def shows_document(self, raw: Mapping[str, Any], channel: str, removed: Collection[str] = ()) -> bool:
        """Whether some message in a conversation, except those in `removed`, shares this picture without asking Magpie
        about it."""
        here = [share for there, share in _shares(raw) if there == channel and share.get("ts") not in removed]
        return any(not self._asks_me(channel, share) for share in here)

    def _asks_me(self, channel: str, share: Mapping[str, Any]) -> bool:
        return (
            channel.startswith("D")
            or self._is_question(channel, str(share.get("ts", "")))
            or self._mentions_me(channel, share)
        )

    def _mentions_me(self, channel: str, share: Mapping[str, Any]) -> bool:
        ts = share.get("ts", "")
        parent = share.get("thread_ts")
        try:
            with calling():
                if parent and parent != ts:
                    found = self._client.conversations_replies(
                        channel=channel, ts=parent, oldest=ts, latest=ts, inclusive=True
                    )
                else:
                    found = self._client.conversations_history(
                        channel=channel, oldest=ts, latest=ts, inclusive=True, limit=1
                    )
        except Refused:
            return False
        return any(mentions(one.get("text", ""), self._me) for one in found["messages"] if one.get("ts") == ts)

    # ------------------------------------------------------------ bytes

    def download(self, raw: Mapping[str, Any], into: Path) -> None:
        """Write the file's bytes. The token goes to the hosts that are set and nowhere else, redirects included.

        Raise Unreadable for a file over the limit, OperatorMustAct when Slack wants a login, TryAgain when the
        bytes do not come, or not all of them.
        """
        file, url = slack_file(raw), str(raw["url_private_download"])
        if (file.size or 0) > self._max_mb << 20:
            raise Unreadable(
                f"The file has {(file.size or 0) >> 20} MB; the limit is {self._max_mb} MB.",
                "Split it, or ask whoever runs Magpie to raise MAGPIE_READ__MAX_MB.",
            )
        self._check_address(url)
        kind = str(raw.get("mimetype", ""))
        try:
            with (
                httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
                client.stream("GET", url, headers={"Authorization": f"Bearer {self._token}"}) as response,
            ):
                _check_response(response, html=kind.startswith("text/html"))
                # A text may itself be a web page's; the login page that is told by its header comes no further.
                self._write(response, into, file.size, text=kind.startswith("text/"))
        except httpx.HTTPError as error:
            raise TryAgain(f"The file could not be downloaded ({type(error).__name__}).") from error

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.netloc not in self._hosts or not (parts.scheme == "https" or _is_loopback(parts.hostname)):
            raise OperatorMustAct(
                f"The file lies at {parts.scheme}://{parts.netloc}, where files may not come from.",
                "If that is right, add the host to SLACK_FILE_HOSTS.",
            )

    def _write(self, response: httpx.Response, into: Path, size: int | None, *, text: bool) -> None:
        written = 0
        with into.open("wb") as out:
            for block in response.iter_bytes(_BLOCK):
                if not written and not text and block[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
                    raise _login_page()
                written += len(block)
                if written > self._max_mb << 20:
                    raise Unreadable(f"The file has more than {self._max_mb} MB.", "Split it.")
                out.write(block)
        if size is not None and written != size:
            raise TryAgain(f"Of {size} bytes {written} came.")


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
        "Slack asked for a login instead of giving the file.",
        "Check the scope files:read, then install the app again: `magpie doctor` tries a real file.",
    )


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def changed_ns(file: SlackFile) -> int | None:
    """The time Slack knows of a file, as the catalog keeps times; None for a stub."""
    return None if file.created is None else file.created * _SECOND


def _shares(raw: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(channel, share) of every message that Magpie can see this file in."""
    for spaces in (raw.get("shares") or {}).values():
        for channel, shares in spaces.items():
            for share in shares:
                yield channel, share


def is_shared_in(raw: Mapping[str, Any], channel: str, removed: Collection[str] = ()) -> bool | None:
    """Whether a file is shared in a conversation; None if this file object does not say. Messages in `removed`, by ts,
    do not count.

    A stub, an object without `shares` and a list of shares that is cut off name places, but never rule one out.
    """
    if raw.get("mode") == "tombstone":
        return False
    messages = {str(share.get("ts", "")) for there, share in _shares(raw) if there == channel}
    if messages - set(removed):
        return True
    if not messages and channel in channels_of(raw):
        return None if removed else True
    told = isinstance(raw.get("shares"), Mapping) and not raw.get("has_more_shares")
    return False if told and not slack_file(raw).stub else None


def shared_at(raw: Mapping[str, Any], channel: str) -> float:
    """When a file was last shared in a conversation, seconds since 1970; 0 when that is not told."""
    return max((float(share.get("ts") or 0) for there, share in _shares(raw) if there == channel), default=0.0)


def channels_of(raw: Mapping[str, Any]) -> set[str]:
    """Every conversation a file is shared in, as far as Magpie may know."""
    named = {channel for key in ("channels", "groups", "ims") for channel in raw.get(key) or ()}
    return named | {channel for channel, _ in _shares(raw)}
