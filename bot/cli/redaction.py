"""What a log or an error may say: no token and no secret, and of what broke only where and of what kind.

An error's own words are left out where they may quote a document, a file's name or a question.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from traceback import FrameSummary, extract_tb
from types import TracebackType

from bot.settings import SECRETS
from rag import OperatorMustAct, TryAgain

_SHORTEST = 6
"""Letters from which the value of a secret is one: a shorter one would be found in any word."""

_SHAPES = (
    # Slack's tokens: xoxb-, xoxp-, xapp-1-, xoxe-1-, xoxe.xoxp-1- and their kin; a cookie's xoxd- is percent-encoded.
    (re.compile(r"((?:xox[a-z]|xapp|xwfp)(?:\.xox[a-z])?-)[\w%+/=-]{6,}"), r"\1…"),
    (re.compile(r"(?i)\b(bearer[ :]+)[\w.~%+/=-]{8,}"), r"\1…"),
    (re.compile(r"(?i)\b(basic[ :]{1,9})(?=[\w+/=-]{0,400}[\d=])[\w+/=-]{8,}"), r"\1…"),
    # Addresses that are as good as a token for as long as they live.
    (re.compile(r"([?&]ticket=)[^&\s'\"]+"), r"\1…"),
    (re.compile(r"(hooks\.slack\.com/)[^\s'\"]+"), r"\1…"),
    (re.compile(r"(/upload/v1/)[^\s'\"]+"), r"\1…"),
    (re.compile(r"(://)[^/\s:@'\"]+:[^/\s@'\"]+@"), r"\1…@"),
)

_LONGEST = 30
"""Places told of one error; the last ones."""

# Their words are about programs and machines.
_SPOKEN = (TryAgain, OperatorMustAct, ImportError, AttributeError, NameError, TypeError)


@dataclass(frozen=True)
class Mask:
    """Takes what looks like a token out of a text, and what is known to be a secret."""

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Mask:
        """With the secrets that an environment holds now."""
        known = {environment.get(name, "").strip() for name in SECRETS}
        return cls(tuple(sorted((one for one in known if len(one) >= _SHORTEST), key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "…")
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text


class Notes(logging.Handler):
    """Tells a line of every record, masked, with the places where an error came through."""

    def __init__(self, tell: Callable[[str], None], mask: Mask) -> None:
        super().__init__(logging.INFO)
        self._tell = tell
        self._mask = mask

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("magpie") and record.levelno < logging.WARNING:
            return
        said = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        self._tell(self._mask(said if error is None else f"{said}\n{trace(error)}"))


@contextmanager
def noting(tell: Callable[[str], None], mask: Mask) -> Iterator[None]:
    """While it lasts, all that is logged is told, and what ends a thread is logged."""
    root, log, handler = logging.getLogger(), logging.getLogger("magpie"), Notes(tell, mask)
    before = threading.excepthook

    def ended(broken: threading.ExceptHookArgs) -> None:
        if broken.exc_value is not None and not isinstance(broken.exc_value, SystemExit):
            which = broken.thread.name if broken.thread else "unknown"
            log.error("The thread %s broke.", which, exc_info=broken.exc_value)

    root.addHandler(handler)
    log.setLevel(logging.INFO)
    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before
        root.removeHandler(handler)


def trace(error: BaseException) -> str:
    """Where an error and its causes came through, the first cause first."""
    return "\n".join(line for one in reversed(_causes(error)) for line in _told(one))


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return found


def _told(error: BaseException) -> list[str]:
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return [*_places(error.__traceback__), f"{kind}{_words(error)}"]


def _places(trail: TracebackType | None) -> list[str]:
    frames: list[FrameSummary] = list(extract_tb(trail))[-_LONGEST:]
    return [f"  {frame.filename}, line {frame.lineno}, in {frame.name}" for frame in frames]


def _words(error: BaseException) -> str:
    if isinstance(error, _SPOKEN):
        return f": {error}"
    if isinstance(error, OSError) and error.strerror:  # its name of a file is left out
        return f": {error.strerror}"
    code = getattr(error, "sqlite_errorname", None)
    return f": {code}" if isinstance(code, str) else ""
