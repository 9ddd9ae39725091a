"""Upload pictures to Slack, share them, and find out after a crash whether they were shared."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

import httpx

from bot.slack.client import SlackClient
from bot.slack.errors import Refused, Stopping
from bot.slack.files import SlackFiles
from rag import NotFound, TryAgain

_SHARED_WITHIN = 20.0
"""Seconds to wait for the sharing of pictures that a crashed process requested, before sharing them again."""

_POLL = (0.5, 1, 2, 2, 4, 4, 8)
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a reply. `document`: the document it shows; 0: none."""

    path: str
    title: str
    document: int = 0

    @property
    def filename(self) -> str:
        """The title as a file name, for people who save the picture."""
        return f"{re.sub(r'[^0-9A-Za-z]+', '-', self.title).strip('-') or 'page'}{Path(self.path).suffix}"


class Uploads:
    """Upload, share and delete pictures. Thread-safe; `stop` ends its waits."""

    def __init__(self, client: SlackClient, files: SlackFiles, stop: threading.Event) -> None:
        self._client = client
        self._files = files
        self._stop = stop

    def send(self, picture: Picture, store_id: Callable[[str], None]) -> str:
        """Upload the bytes without sharing them and return the file's id. `store_id` is called with the id first."""
        content = Path(picture.path).read_bytes()
        file, url = self._client.request_upload(picture.filename, len(content))
        store_id(file)
        try:
            sent = httpx.post(url, content=content, timeout=_SECONDS)
        except httpx.HTTPError as error:
            raise TryAgain(f"A picture could not be uploaded ({type(error).__name__}).") from error
        if sent.status_code != 200 and sent.status_code != 429 and sent.status_code < 500:
            raise Refused(f"upload_{sent.status_code}")
        if sent.status_code != 200:
            raise TryAgain(f"A picture could not be uploaded ({sent.status_code}).")
        return file

    def share(self, files: Sequence[str], pictures: Sequence[Picture], channel: str, thread: str) -> None:
        """Share uploaded pictures in one message of a thread. The message appears a little later."""
        titles = {file: picture.title for file, picture in zip(files, pictures, strict=False)}
        self._client.share_uploads(titles, channel, thread)

    def are_shared(self, file: str, channel: str, requested_at: float) -> bool:
        """Return whether a picture was shared. `requested_at`: when a process that crashed asked Slack to share it."""
        for wait in (*_POLL, 0):
            try:
                raw = self._files.info(file)
            except NotFound:
                return False
            channels = {channel for shares in (raw.get("shares") or {}).values() for channel in shares}
            if channel in channels:
                return True
            if time() > requested_at + _SHARED_WITHIN:
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
