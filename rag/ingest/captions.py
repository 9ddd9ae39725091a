"""Captions of pictures, written after reading by a model that sees, for models that do not and for finding by words.

Work of the owner, like vectors: what waits is a picture without a row, each is written by itself, so that a kill costs
one. A picture that its model always refuses goes without and holds up no other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import monotonic

from rag.catalog import Catalog
from rag.catalog.captions import Uncaptioned, count_uncaptioned, put_caption, uncaptioned
from rag.errors import BadSetting, MagpieError, ModelUnfit, OperatorMustAct, ReaderStopped, TryAgain, Unreadable
from rag.images import as_jpeg
from rag.ports import Captioner, WordIndex

log = logging.getLogger("magpie")

REST = 60.0
"""Seconds for which captions rest after their model failed altogether."""

_LONGEST = 600
"""Characters of a caption that are kept."""

_NEVER = threading.Event()


class Captions:
    """The captions of one data folder. `off` says why none are written, or is empty; `fix` what turns them on."""

    def __init__(
        self,
        catalog: Catalog,
        words: WordIndex,
        data: Path,
        open_captioner: Callable[[], Captioner] | None,
    ) -> None:
        """`open_captioner` is None where none is wanted."""
        self._catalog = catalog
        self._words = words
        self._data = data
        self._open: Callable[[], Captioner] | None = open_captioner
        self._captioner: Captioner | None = None
        self._again = float("-inf")
        self.off = "" if open_captioner else "not set"
        self.fix = "" if open_captioner else "set MAGPIE_CAPTION__MODEL, such as to ollama:qwen3-vl:4b-instruct"

    @property
    def wanted(self) -> bool:
        return self._open is not None

    def captioner(self, *, at_once: bool = False) -> Captioner | None:
        """The captioner, or None with `off` set. One that failed is left alone for a while, unless `at_once`."""
        if self._open is None or (monotonic() < self._again and not at_once):
            return None
        try:
            self._captioner = self._captioner or self._open()
            _ = self._captioner.identity
        except (OperatorMustAct, TryAgain, BadSetting) as error:
            self._rest(error)
            return None
        self.off = ""
        return self._captioner

    def caption_one(self, stop: threading.Event = _NEVER) -> bool:
        """Caption the next picture that waits; False when none does, or captions are off, or `stop` was set."""
        captioner = self.captioner()
        if captioner is None:
            return False
        with self._catalog.reading() as connection:
            waiting = uncaptioned(connection, captioner.identity)
        if waiting is None or stop.is_set():
            return False
        try:
            text = self._text(captioner, waiting, stop)
        except ReaderStopped:
            return False
        except (OperatorMustAct, TryAgain) as error:
            self._rest(error)
            return False
        with self._catalog.writing() as connection:
            put_caption(connection, self._words, waiting.chunk, captioner.identity, text)
        return True

    def waiting(self) -> int:
        """How many pictures have no caption yet; 0 when they are to have none."""
        if self._open is None:
            return 0
        with self._catalog.reading() as connection:
            return count_uncaptioned(connection, self._captioner.identity if self._captioner else None)

    def settled(self) -> bool:
        """Whether nothing waits, or captions are off."""
        return self.captioner() is None or not self.waiting()

    def _rest(self, error: MagpieError) -> None:
        self._again = monotonic() + REST
        self.off, self.fix = str(error).rstrip("."), error.hint

    def _text(self, captioner: Captioner, waiting: Uncaptioned, stop: threading.Event) -> str:
        """The caption; empty for a picture that is gone or damaged, or that is refused where another one is not.
        Raise as the captioner does when it fails altogether."""
        try:
            picture = as_jpeg(self._data / waiting.picture)
        except Unreadable:
            return ""
        for last in (False, True):
            try:
                return " ".join(captioner.caption(picture, stop).split())[:_LONGEST]
            except ReaderStopped:
                raise
            except (TryAgain, ModelUnfit) as error:
                # Whatever fails with a picture as harmless as this is the model, not the picture.
                captioner.caption(harmless(), stop)
                if last:
                    kind = type(error).__name__
                    log.warning("A picture of document %d goes without a caption (%s).", waiting.document, kind)
        return ""


def harmless() -> bytes:
    """A picture that every model sees: a black square on white, as a JPEG."""
    from PIL import Image

    picture = Image.new("RGB", (256, 256), "white")
    picture.paste("black", (64, 64, 192, 192))
    written = BytesIO()
    picture.save(written, "JPEG")
    return written.getvalue()
