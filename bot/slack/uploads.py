"""Upload pictures to Slack and delete them: the three steps of an upload, and what is known of them after a crash."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

import httpx

from bot.slack.client import Refused, SlackClient, Stopping
from bot.slack.files import SlackFiles
from rag import NotFound, TryAgain

_SHARED_WITHIN = 20.0
"""Seconds after which pictures are shared again if the process that asked for it crashed."""

_POLL = (0.5, 1, 2, 2, 4, 4, 8)
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that goes with a reply, and its title."""

    path: str
    title: str
    document: int = 0

    @property
    def filename(self) -> str:
        """The title as a file name, for people who save the picture."""
        return f"{re.sub(r'[^0-9A-Za-z]+', '-', self.title).strip('-') or 'page'}{Path(self.path).suffix}"


class Uploads:
    """Any thread may call it. `stop` ends its waits."""

    def __init__(self, client: SlackClient, files: SlackFiles, stop: threading.Event) -> None:
        self._client = client
        self._files = files
        self._stop = stop

    def send(self, picture: Picture, noted: Callable[[str], None]) -> str:
        """Upload the bytes, still unshared, and return the file's id. `noted` gets the id before that."""
        content = Path(picture.path).read_bytes()
        file, url = self._client.request_upload(picture.filename, len(content))
        noted(file)
        try:
            sent = httpx.post(url, content=content, timeout=_SECONDS)
        except httpx.HTTPError as error:
            raise TryAgain(f"A picture could not be uploaded ({type(error).__name__}).") from error
        if sent.status_code != 200:
            raise TryAgain(f"A picture could not be uploaded ({sent.status_code}).")
        return file

    def share(self, files: Sequence[str], pictures: Sequence[Picture], channel: str, thread: str) -> None:
        """Share uploaded pictures in one message of a thread. Slack does it a little later."""
        titles = {file: picture.title for file, picture in zip(files, pictures, strict=False)}
        self._client.share_uploads(titles, channel, thread)

    def are_shared(self, file: str, channel: str, asked: float) -> bool:
        """Return whether a picture was shared whose sharing was asked for at this time by a process that crashed."""
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
        """Delete a picture that Magpie sent, if it still exists."""
        try:
            self._client.delete_file(file)
        except Refused as error:
            if error.code not in ("file_not_found", "file_deleted"):
                raise
