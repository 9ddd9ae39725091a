"""uvicorn's HTTP protocol with deadlines for each connection and limits on their number.

uvicorn closes a connection only while it is idle between two requests. A client that never finishes its headers or body
would stay connected, and many of them would use up the process's file descriptors.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from time import monotonic

import h11
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of one server; seconds are for one connection or request."""

    head_seconds: float = 10
    """From the connection, or the last answer, to the end of the request's headers."""

    body_seconds: float = 30
    """From there to the end of its body."""

    idle_seconds: int = 5
    """Without a byte between two requests."""

    send_seconds: float = 30
    """For a client to take what is being sent to it, or what is left when the connection closes."""

    connections: int = 96
    """Open at once. One more closes the one that has waited longest for a request to arrive."""

    requests: int = 64
    """Complete requests in work at once. One more is answered with 503."""

    head_bytes: int = 16 << 10


class _Phase(Enum):
    HEAD, BODY, WORK, CLOSING = range(4)


_OPEN_ENDED = (_Phase.HEAD, _Phase.BODY)
"""Phases that the client alone ends, in the order in which their connections are closed when there are too many."""


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    text = "Too many requests at once. Try again in a moment."
    await PlainTextResponse(text, 503, {"retry-after": "1", "connection": "close"})(scope, receive, send)


class LimitedProtocol(H11Protocol):
    """One connection. Subclass it to set `limits`; see `limited`."""

    limits = ConnectionLimits()
    phase = _Phase.HEAD
    since = 0.0
    _late: asyncio.TimerHandle | None = None
    _unsent: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin(_Phase.HEAD)
        others = [each for each in self.connections if isinstance(each, LimitedProtocol) and each is not self]
        if len(others) >= self.limits.connections:
            waiting = [each for each in others if each.phase in _OPEN_ENDED]
            oldest = min(waiting, key=lambda each: (_OPEN_ENDED.index(each.phase), each.since), default=self)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._late, self._unsent):
            if timer is not None:
                timer.cancel()
        # uvicorn leaves its own timer running when a connection breaks.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look()

    def handle_events(self) -> None:
        others = (each for each in self.connections if isinstance(each, LimitedProtocol) and each is not self)
        full = sum(each.phase is _Phase.WORK for each in others) >= self.limits.requests
        self.app = _busy if full else self.config.loaded_app
        super().handle_events()

    def eof_received(self) -> None:
        super().eof_received()
        self._begin(_Phase.CLOSING)  # asyncio closes the transport next

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, even in the middle of a request that is being worked on."""
        del msg
        self._end(HTTPStatus.BAD_REQUEST)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unsent is not None:
            self._unsent.cancel()

    def _look(self) -> None:
        """Begin the phase that the connection is in now."""
        if self.transport.is_closing():
            self._begin(_Phase.CLOSING)
        elif self.conn.their_state is h11.IDLE:
            self._begin(_Phase.HEAD)
        elif self.conn.their_state is h11.SEND_BODY:
            self._begin(_Phase.BODY)  # also where the answer is out already and the rest is discarded
        else:
            self._begin(_Phase.WORK)

    def _begin(self, phase: _Phase) -> None:
        if phase is self.phase and self._late is not None:
            return
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self.phase, self.since = phase, monotonic()
        limits = self.limits
        seconds = {
            _Phase.HEAD: limits.head_seconds,
            _Phase.BODY: limits.body_seconds,
            _Phase.CLOSING: limits.send_seconds,
        }
        if phase in seconds:
            self._late = self.loop.call_later(seconds[phase], self._expire)

    def _expire(self) -> None:
        if self.phase is _Phase.BODY:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
        else:  # nothing was asked, and an answer would be taken for the one to the next request
            self.transport.abort()

    def _end(self, status: HTTPStatus) -> None:
        """Close the connection, with an answer unless one is out or on its way."""
        cycle = self.cycle
        running = cycle is not None and not cycle.response_complete
        if not running or not cycle.response_started:
            text = f"{status.phrase}.".encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\nconnection: close\r\n"
            self.transport.write(head.encode() + b"content-length: %d\r\n\r\n%b" % (len(text), text))
        if running:  # the application hears that the client is gone, and what it still sends is dropped
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
        self._begin(_Phase.CLOSING)


def limited(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """Return the protocol with these limits, for uvicorn's setting `http`."""
    return type("Limited", (LimitedProtocol,), {"limits": limits})
