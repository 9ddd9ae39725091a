"""The background stage that captions pictures with a vision model.

With captions, text-only models can use pictures, and pictures can be found by words. A picture without a caption row
waits for one. Each caption is written in its own transaction, so a crash loses at most one. A picture that the model
always refuses gets an empty caption and does not block the others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import monotonic

from rag.catalog import Catalog
from rag.catalog.captions import Uncaptioned, count_uncaptioned, next_image_without_caption, put_caption
from rag.errors import BadSetting, ExtractorStopped, MagpieError, ModelUnfit, OperatorMustAct, TryAgain, Unreadable
from rag.images import model_jpeg
from rag.ports import Captioner, FullTextIndex

log = logging.getLogger("magpie")

RETRY_DELAY = 60.0
"""Seconds before captioning is tried again after the model failed."""

_MAX_CAPTION = 600
"""Maximum length of a caption, in characters."""


class Captions:
    """The captions of one data folder. `off` says why none are written, or is empty; `fix` how to turn them on."""

    def __init__(
        self,
        catalog: Catalog,
        words: FullTextIndex,
        data: Path,
        open_captioner: Callable[[], Captioner] | None,
    ) -> None:
        """`open_captioner` is None when captions are not enabled."""
        self._catalog = catalog
        self._words = words
        self._data = data
        self._open_captioner: Callable[[], Captioner] | None = open_captioner
        self._captioner: Captioner | None = None
        self._next_try = float("-inf")
        self.off = "" if open_captioner else "not set"
        self.fix = "" if open_captioner else "set MAGPIE_CAPTION__MODEL, such as to ollama:qwen3-vl:4b-instruct"

    @property
    def is_enabled(self) -> bool:
        return self._open_captioner is not None

    def captioner(self, *, at_once: bool = False) -> Captioner | None:
        """Return the captioner, or None with `off` set.

        After a failure, try again once the retry delay is over, or immediately with `at_once`.
        """
        if self._open_captioner is None or (monotonic() < self._next_try and not at_once):
            return None
        try:
            self._captioner = self._captioner or self._open_captioner()
            _ = self._captioner.identity
        except (OperatorMustAct, TryAgain, BadSetting) as error:
            self._turn_off(error)
            return None
        self.off = ""
        return self._captioner

    def process_batch(self, stop: threading.Event) -> int:
        """Caption the next picture; return 1, or 0 when none waits, captions are off or `stop` is set."""
        captioner = self.captioner()
        if captioner is None:
            return 0
        with self._catalog.read_transaction() as connection:
            picture = next_image_without_caption(connection, captioner.identity)
        if picture is None or stop.is_set():
            return 0
        try:
            text = self._caption(captioner, picture, stop)
        except ExtractorStopped:
            return 0
        except (OperatorMustAct, TryAgain) as error:
            self._turn_off(error)
            return 0
        with self._catalog.write_transaction() as connection:
            put_caption(connection, self._words, picture.chunk, captioner.identity, text)
        return 1

    def count_waiting(self) -> int:
        """Return how many pictures have no caption; 0 when captions are not enabled."""
        if self._open_captioner is None:
            return 0
        with self._catalog.read_transaction() as connection:
            return count_uncaptioned(connection, self._captioner.identity if self._captioner else None)

    def is_settled(self) -> bool:
        """Return whether nothing waits, or captions are off."""
        return self.captioner() is None or not self.count_waiting()

    def describe_waiting(self) -> str:
        return f"{self.count_waiting()} pictures wait for their captions"

    def _turn_off(self, error: MagpieError) -> None:
        self._next_try = monotonic() + RETRY_DELAY
        self.off, self.fix = str(error).rstrip("."), error.hint

    def _caption(self, captioner: Captioner, picture: Uncaptioned, stop: threading.Event) -> str:
        """Return the caption; empty for a picture that is missing or damaged, or that the model refuses.

        Raise the captioner's error when it refuses a harmless picture too.
        """
        try:
            jpeg = model_jpeg(self._data / picture.picture)
        except Unreadable:
            return ""
        for is_last in (False, True):
            try:
                return " ".join(captioner.caption(jpeg, stop).split())[:_MAX_CAPTION]
            except ExtractorStopped:
                raise
            except (TryAgain, ModelUnfit) as error:
                # If it also fails on a harmless picture, the model is at fault, not this picture.
                captioner.caption(harmless_picture(), stop)
                if is_last:
                    kind = type(error).__name__
                    log.warning(
                        "A picture of document %d gets no caption: the model refused it (%s).", picture.document, kind
                    )
        return ""


def harmless_picture() -> bytes:
    """Return a picture that every model accepts: a black square on white, as a JPEG."""
    from PIL import Image

    image = Image.new("RGB", (256, 256), "white")
    image.paste("black", (64, 64, 192, 192))
    buffer = BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()
