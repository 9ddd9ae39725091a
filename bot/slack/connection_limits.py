"""uvicorn's HTTP protocol with deadlines for each connection and limits on their number.

uvicorn closes only connections that are idle between two requests. A client that never finishes its headers or body
would stay connected, and many such clients would use up the process's file descriptors.
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
    """Limits of one server. Times are for one connection or request."""

    head_seconds: float = 10
    """Maximum time from the connection, or the last response, to the end of the request's headers."""

    body_seconds: float = 30
    """Maximum time from the end of the headers to the end of the body."""

    idle_seconds: int = 5
    """Maximum time without a byte between two requests."""

    send_seconds: float = 30
    """Maximum time in which a client must receive a full write buffer, or the rest when the connection closes."""

    connections: int = 96
    """Maximum open connections. One more closes the connection that has waited longest for a request."""

    requests: int = 64
    """Maximum complete requests being handled. Further ones are answered with 503."""

    head_bytes: int = 16 << 10
    """Maximum size of a request's headers."""


class _Phase(Enum):
    HEAD, BODY, WORK, CLOSING = range(4)
    """Receiving headers, receiving the body, handling the request, closing."""


_RECEIVING = (_Phase.HEAD, _Phase.BODY)
"""Phases that only the client can end, in the order in which they are closed if there are too many connections."""


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    text = "Too many requests at once. Try again in a moment."
    await PlainTextResponse(text, 503, {"retry-after": "1", "connection": "close"})(scope, receive, send)


class LimitedProtocol(H11Protocol):
    """The protocol of one connection. `limited` returns a subclass with other limits."""

    limits = ConnectionLimits()
    phase = _Phase.HEAD
    since = 0.0
    _phase_timer: asyncio.TimerHandle | None = None
    _send_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin(_Phase.HEAD)
        others = self._others()
        if len(others) >= self.limits.connections:
            waiting = [other for other in others if other.phase in _RECEIVING]
            oldest = min(waiting, key=lambda other: (_RECEIVING.index(other.phase), other.since), default=self)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._phase_timer, self._send_timer):
            if timer is not None:
                timer.cancel()
        # uvicorn leaves its own timer running when a connection breaks.
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._update_phase()

    def handle_events(self) -> None:
        handled = sum(other.phase is _Phase.WORK for other in self._others())
        self.app = _busy if handled >= self.limits.requests else self.config.loaded_app
        super().handle_events()

    def eof_received(self) -> None:
        super().eof_received()
        self._begin(_Phase.CLOSING)  # asyncio closes the transport next

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._update_phase()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._update_phase()

    def send_400_response(self, msg: str) -> None:
        """Respond to data that is not HTTP, even while a request is being handled."""
        del msg
        self._end(HTTPStatus.BAD_REQUEST)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._send_timer = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._send_timer is not None:
            self._send_timer.cancel()

    def _others(self) -> list[LimitedProtocol]:
        return [other for other in self.connections if isinstance(other, LimitedProtocol) and other is not self]

    def _update_phase(self) -> None:
        """Begin the phase that the connection is in now."""
        if self.transport.is_closing():
            self._begin(_Phase.CLOSING)
        elif self.transport.get_protocol() is not self:  # upgraded to a WebSocket, which has no deadline
            self._begin(_Phase.WORK)
        elif self.conn.their_state is h11.IDLE:
            self._begin(_Phase.HEAD)
        elif self.conn.their_state is h11.SEND_BODY:
            self._begin(_Phase.BODY)  # also if the response was sent early and the rest of the body is discarded
        else:
            self._begin(_Phase.WORK)

    def _begin(self, phase: _Phase) -> None:
        if phase is self.phase and self._phase_timer is not None:
            return
        if self._phase_timer is not None:
            self._phase_timer.cancel()
            self._phase_timer = None
        self.phase, self.since = phase, monotonic()
        limits = self.limits
        seconds = {
            _Phase.HEAD: limits.head_seconds,
            _Phase.BODY: limits.body_seconds,
            _Phase.CLOSING: limits.send_seconds,
        }
        if phase in seconds:
            self._phase_timer = self.loop.call_later(seconds[phase], self._expire)

    def _expire(self) -> None:
        if self.phase is _Phase.BODY:
            self._end(HTTPStatus.REQUEST_TIMEOUT)
        else:  # there is no request, and the client could take a response for that to its next request
            self.transport.abort()

    def _end(self, status: HTTPStatus) -> None:
        """Close the connection. Send a response with `status` first, unless another was started."""
        cycle = self.cycle
        running = cycle is not None and not cycle.response_complete
        if not running or not cycle.response_started:
            text = f"{status.phrase}.".encode()
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\nconnection: close\r\n"
            self.transport.write(head.encode() + b"content-length: %d\r\n\r\n%b" % (len(text), text))
        if running:  # tell the application that the client disconnected; what it still sends is dropped
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()
        self._begin(_Phase.CLOSING)


def limited(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """Return the protocol with these limits, for uvicorn's setting `http`."""
    return type("Limited", (LimitedProtocol,), {"limits": limits})
