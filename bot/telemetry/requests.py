"""The id of the question that a thread works on: it is in every log line and trace of the question.

It is a hash of the message's conversation and time, so it is the same in every thread, at every attempt and after a
restart, and names neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b

_BYTES = 8

_current: ContextVar[str] = ContextVar("request", default="")


def request_id(channel: str, ts: str) -> str:
    """Return the id of a question, 16 hexadecimal digits, from its message's conversation and ts."""
    return blake2b(f"{channel}:{ts}".encode(), digest_size=_BYTES).hexdigest()


def current_request() -> str:
    """Return the id of the question that this thread works on; empty: none."""
    return _current.get()


@contextmanager
def working_on(channel: str, ts: str) -> Iterator[None]:
    """Mark what happens in the `with` block as work on a question."""
    token = _current.set(request_id(channel, ts))
    try:
        yield
    finally:
        _current.reset(token)
