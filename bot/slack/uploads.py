"""Pictures to Slack, and out of it again. The three steps of an upload, and what is known of them after a kill."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from time import time

import httpx
from slack_sdk import WebClient

from bot.answers.render import Picture
from bot.slack.client import Refused, Stopping, calling
from bot.slack.files import SlackFiles
from rag import NotFound, TryAgain

_SHARED_WITHIN = 20.0
"""Seconds after which pictures whose sharing was asked for, by a process that then died, are shared again."""

_POLL = (0.5, 1, 2, 2, 4, 4, 8)
_SECONDS = 60


class Uploads:
    """Any thread may call it. `stop` ends its waits."""

    def __init__(self, client: WebClient, poster: WebClient, files: SlackFiles, stop: threading.Event) -> None:
        self._client = client
        self._poster = poster
        self._files = files
        self._stop = stop

    def send(self, picture: Picture, noted: Callable[[str], None]) -> str:
        """Bring the bytes to Slack, where nobody sees them yet; the file's id, which `noted` is told before that."""
        content = Path(picture.path).read_bytes()
        with calling():
            target = self._client.files_getUploadURLExternal(filename=picture.filename, length=len(content))
        noted(str(target["file_id"]))
        try:
            sent = httpx.post(target["upload_url"], content=content, timeout=_SECONDS)
        except httpx.HTTPError as error:
            raise TryAgain(f"A picture could not be uploaded ({type(error).__name__}).") from error
        if sent.status_code != 200:
            raise TryAgain(f"A picture could not be uploaded ({sent.status_code}).")
        return str(target["file_id"])

    def share(self, files: Sequence[str], pictures: Sequence[Picture], channel: str, thread: str) -> None:
        """Share what was sent, in one message of a thread. Slack does it a little later."""
        titled: list[dict[str, str | None]] = [
            {"id": id, "title": picture.title} for id, picture in zip(files, pictures, strict=False)
        ]
        with calling():
            self._poster.files_completeUploadExternal(files=titled, channel_id=channel, thread_ts=thread)

    def are_shared(self, file: str, channel: str, asked: float) -> bool:
        """Whether a picture came through whose sharing was asked for at this time, though nobody lived to hear it."""
        for wait in (*_POLL, 0):
            try:
                raw = self._files.info(file)
            except NotFound:
                return False
            named = {channel for places in (raw.get("shares") or {}).values() for channel in places}
            if channel in named:
                return True
            if time() > asked + _SHARED_WITHIN:
                return False
            if self._stop.wait(wait):
                raise Stopping
        return False

    def withdraw(self, file: str) -> None:
        """Delete a picture that Magpie sent; one that is not there any more is no error."""
        try:
            with calling():
                self._client.files_delete(file=file)
        except Refused as error:
            if error.code not in ("file_not_found", "file_deleted"):
                raise
