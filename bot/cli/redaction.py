"""Logs and errors without secrets: tokens are masked, and an error is reduced to its type and its stack.

The message of an error is left out if it may quote a document, a file name or a question.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import TracebackType

from bot.environment import SECRETS
from bot.telemetry.requests import current_request
from rag import OperatorMustAct, TryAgain, read_settings_file

_MIN_SECRET = 6
"""Minimum length of a secret that is masked by its value; a shorter one would match parts of ordinary words."""

_PATTERNS = (
    # Slack's tokens, such as xoxb-, xoxp-, xapp-1-, xoxe-1- and xoxe.xoxp-1-. The cookie xoxd- is percent-encoded.
    (re.compile(r"((?:xox[a-z]|xapp|xwfp)(?:\.xox[a-z])?-)[\w%+/=-]{6,}"), r"\1…"),
    (re.compile(r"(?i)\b(bearer[ :]+)[\w.~%+/=-]{8,}"), r"\1…"),
    (re.compile(r"(?i)\b(basic[ :]{1,9})(?=[\w+/=-]{0,400}[\d=])[\w+/=-]{8,}"), r"\1…"),
    # URLs that grant access by themselves.
    (re.compile(r"([?&]ticket=)[^&\s'\"]+"), r"\1…"),
    (re.compile(r"(hooks\.slack\.com/)[^\s'\"]+"), r"\1…"),
    (re.compile(r"(/upload/v1/)[^\s'\"]+"), r"\1…"),
    (re.compile(r"(://)[^/\s:@'\"]+:[^/\s@'\"]+@"), r"\1…@"),
)

_MODEL_SERVER_SECRETS = (
    "MAGPIE_ANSWER__API_KEY",
    "MAGPIE_TEXT__API_KEY",
    "MAGPIE_RERANK__API_KEY",
    "MAGPIE_EMBED__TOKEN",
)
"""Some servers repeat a wrong key in their error."""

_FILE_SECRETS = (
    ("slack", "bot_token"),
    ("slack", "app_token"),
    ("slack", "signing_secret"),
    ("answer", "api_key"),
    ("text", "api_key"),
    ("rerank", "api_key"),
    ("embed", "token"),
)
"""Table and key of each secret in magpie.toml."""

_MAX_FRAMES = 30
"""Frames shown of one error; the last ones."""

_SAFE_MESSAGES = (TryAgain, OperatorMustAct, ImportError, AttributeError, NameError, TypeError)
"""Errors whose message is about programs and machines."""


@dataclass
class Mask:
    """Replaces tokens and the given secrets in a text by `…`."""

    secrets: tuple[str, ...] = ()
    """The longest first, because one may be a part of another."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Mask:
        """Return a mask for the secrets in an environment."""
        mask = cls()
        mask._add(environment.get(name, "").strip() for name in (*SECRETS, *_MODEL_SERVER_SECRETS))
        return mask

    def add_file(self, data: Path) -> None:
        """Mask the secrets in the settings file of a data folder, too."""
        tables = read_settings_file(data)
        self._add(str(tables[table][key]) for table, key in _FILE_SECRETS if key in tables.get(table, {}))

    def _add(self, values: Iterable[str]) -> None:
        long_enough = {value for value in values if len(value) >= _MIN_SECRET}
        self.secrets = tuple(sorted({*self.secrets, *long_enough}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "…")
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


class RedactingHandler(logging.Handler):
    """Writes log records, masked, with the stack of their error: from `magpie` at INFO, from libraries at WARNING."""

    def __init__(self, write: Callable[[str], None], mask: Mask) -> None:
        super().__init__(logging.INFO)
        self._write = write
        self._mask = mask
        self._is_json = False

    def write_json(self, write: Callable[[str], None]) -> None:
        """From now on, call `write` with a JSON object for each record, on one line."""
        self._write, self._is_json = write, True

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("magpie") and record.levelno < logging.WARNING:
            return
        message = self._mask(record.getMessage())
        error = record.exc_info[1] if record.exc_info else None
        stack = "" if error is None else self._mask(format_error(error))
        if self._is_json:
            self._write(_as_json(record, message, stack))
        else:
            self._write(f"{message}\n{stack}" if stack else message)


def _as_json(record: logging.LogRecord, message: str, stack: str) -> str:
    fields = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "thread": record.threadName or "",
        "message": message,
        "request": current_request(),
        "error": stack,
    }
    # In ASCII, so that no character in it ends the line.
    return json.dumps({name: value for name, value in fields.items() if value})


@contextmanager
def redacted_logs(write: Callable[[str], None], mask: Mask) -> Iterator[RedactingHandler]:
    """Write all log records, and every error that ends a thread, through RedactingHandler until the block ends."""
    root, log, handler = logging.getLogger(), logging.getLogger("magpie"), RedactingHandler(write, mask)
    before = threading.excepthook

    def log_thread_error(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
            thread = failed.thread.name if failed.thread else "unknown"
            log.error("Thread %s ended with an error.", thread, exc_info=failed.exc_value)

    root.addHandler(handler)
    log.setLevel(logging.INFO)
    threading.excepthook = log_thread_error
    try:
        yield handler
    finally:
        threading.excepthook = before
        root.removeHandler(handler)


def format_error(error: BaseException) -> str:
    """Return the stacks and types of an error and its causes, first cause first, with safe messages only."""
    return "\n".join(line for cause in reversed(_causes(error)) for line in _format_one(cause))


def _causes(error: BaseException) -> list[BaseException]:
    """Return the error and its causes, the error first."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return found


def _format_one(error: BaseException) -> list[str]:
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    return [*_format_frames(error.__traceback__), f"{name}{_safe_message(error)}"]


def _format_frames(traceback: TracebackType | None) -> list[str]:
    frames = list(extract_tb(traceback))[-_MAX_FRAMES:]
    return [f"  {frame.filename}, line {frame.lineno}, in {frame.name}" for frame in frames]


def _safe_message(error: BaseException) -> str:
    if isinstance(error, _SAFE_MESSAGES):
        return f": {error}"
    if isinstance(error, OSError) and error.strerror:  # without its file name
        return f": {error.strerror}"
    code = getattr(error, "sqlite_errorname", None)
    return f": {code}" if isinstance(code, str) else ""
