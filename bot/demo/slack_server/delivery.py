"""Delivery of envelopes to the bot, through Socket Mode or HTTP, with acknowledgements and retries."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlencode
from uuid import uuid4

from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.state import Json, State
from bot.demo.slack_server.timers import Timers
from bot.demo.slack_server.trace import Trace

MAX_RETRIES = 3
MAX_CONNECTIONS = 10

EnvelopeKind = Literal["events_api", "interactive", "slash_commands"]


class Connection(Protocol):
    """One open Socket Mode connection. Both methods can be called from any thread and never block."""

    def send(self, frame: str) -> None: ...

    def close(self) -> None: ...


@dataclass(eq=False)
class Envelope:
    """One event or interaction. `sent` counts deliveries; `reply` is what the bot sent with its acknowledgement."""

    id: str
    kind: EnvelopeKind
    payload: Json
    attempt: int = 0
    reason: str = ""
    sent: int = 0
    acked: bool = False
    given_up: bool = False
    reply: Json = field(default_factory=dict)

    @property
    def event(self) -> str:
        """Return the type of the event or interaction."""
        inner: Json = self.payload.get("event") or self.payload
        return str(inner.get("type", self.kind))

    @property
    def frame(self) -> Json:
        frame: Json = {"envelope_id": self.id, "type": self.kind, "payload": self.payload}
        frame["accepts_response_payload"] = self.kind == "slash_commands"
        if self.kind == "events_api":
            frame |= {"retry_attempt": self.attempt, "retry_reason": self.reason}
        return frame


class Delivery:
    """Send each envelope to one of the open connections in turn; without a connection it waits."""

    def __init__(
        self, state: State, faults: Faults, timers: Timers, trace: Trace, on_reply: Callable[[Envelope], None]
    ) -> None:
        self._state, self._faults, self._timers, self._trace = state, faults, timers, trace
        self._connections: list[Connection] = []
        self._next_connection = 0
        self._all: list[Envelope] = []
        self._waiting: list[Envelope] = []
        self._held: list[Envelope] = []
        self._holding: list[Envelope] | None = None
        """Where new events are held instead of being sent."""
        self._posting = ThreadPoolExecutor(4, thread_name_prefix="workspace push")
        self.url = ""
        """The request URL to push to. Empty for Socket Mode."""
        self._on_reply = on_reply

    def close(self) -> None:
        self._posting.shutdown(wait=True, cancel_futures=True)

    # ------------------------------------------------------------ envelopes

    def envelopes(self, event: str) -> list[Envelope]:
        with self._state.changed:
            return deepcopy([each for each in self._all if event in ("", each.event)])

    def envelopes_after(self, number: int) -> list[Envelope]:
        with self._state.changed:
            return deepcopy(self._all[number:])

    def find(self, envelope_id: str) -> Envelope:
        """Return the envelope itself, not a copy."""
        return next(each for each in self._all if each.id == envelope_id)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    @property
    def is_connected(self) -> bool:
        """Return whether the bot can be reached: an open connection, or a request URL."""
        return bool(self._connections) or bool(self.url)

    @property
    def is_settled(self) -> bool:
        with self._state.changed:
            return self.is_connected and all(each.acked or each.given_up or each in self._held for each in self._all)

    # ------------------------------------------------------------ sending

    def push(self, kind: EnvelopeKind, payloads: list[Json], delay: float = 0.0) -> list[str]:
        """Send the payloads caused by one action, after `delay` seconds. Return the envelopes' ids."""
        with self._state.changed:
            if payloads and self._faults.should_reorder():
                payloads = payloads[::-1]
            envelopes = [Envelope(str(uuid4()), kind, deepcopy(payload)) for payload in payloads]
            for envelope in envelopes:
                self._add(envelope)
                if kind == "events_api":
                    self._send_event(envelope, delay)
                else:
                    self._send_with_copies(envelope)
            self._state.changed.notify_all()
            return [envelope.id for envelope in envelopes]

    def _add(self, envelope: Envelope) -> Envelope:
        self._all.append(envelope)
        self._trace.add_envelope(envelope.id, envelope.event, envelope.payload)
        return envelope

    def _send_event(self, envelope: Envelope, delay: float) -> None:
        if self._faults.should_lose_event(envelope.event):
            self._give_up(envelope)
            return
        if self._holding is not None:
            self._holding.append(envelope)
            self._held.append(envelope)
            return
        delay += self._faults.take_event_delay(envelope.event)
        if delay:
            self._timers.call_after(delay, lambda: self._send_late(envelope))
        else:
            self._send_with_copies(envelope)

    def _send_late(self, envelope: Envelope) -> None:
        with self._state.changed:
            self._send_with_copies(envelope)
            self._state.changed.notify_all()

    def _send_with_copies(self, envelope: Envelope) -> None:
        self._send(envelope)
        copies, new_envelope = self._faults.take_copies()
        for _ in range(copies):
            self._send(self._add(_copy(envelope)) if new_envelope else envelope)

    # ------------------------------------------------------------ events held back

    def hold(self, envelopes: list[Envelope] | None) -> None:
        """Add the events of later actions to `envelopes` instead of sending them; with None, send them again."""
        with self._state.changed:
            self._holding = envelopes

    def is_held(self, envelope: Envelope) -> bool:
        return envelope in self._held

    def deliver_held(self, envelope: Envelope, event_id: str) -> Envelope:
        """Send a held event, or a copy if it was delivered before. Return what was sent."""
        if envelope in self._held:
            self._held.remove(envelope)
        else:
            envelope = self._add(_copy(envelope))
        if event_id:
            envelope.payload["event_id"] = event_id
        self._send(envelope)
        self._state.changed.notify_all()
        return envelope

    def drop_held(self, envelopes: Iterable[Envelope]) -> None:
        with self._state.changed:
            for envelope in envelopes:
                self._held.remove(envelope)
                self._give_up(envelope)
            self._state.changed.notify_all()

    # ------------------------------------------------------------ retries

    def _send(self, envelope: Envelope) -> None:
        if self.url:
            self._record_delivery(envelope)
            self._posting.submit(self._post, envelope)
        elif self._connections:
            self._next_connection += 1
            self._record_delivery(envelope)
            self._connections[self._next_connection % len(self._connections)].send(json.dumps(envelope.frame))
            attempt = envelope.attempt
            self._timers.call_after(
                self._state.timing.ack_timeout, lambda: self._retry_if_unacknowledged(envelope, attempt)
            )
        elif envelope not in self._waiting:
            self._waiting.append(envelope)
            self._timers.call_after(self._state.timing.hold_events, lambda: self._expire(envelope))

    def _record_delivery(self, envelope: Envelope) -> None:
        envelope.sent += 1
        self._trace.add_delivery(envelope.id, envelope.attempt, envelope.reason)

    def _give_up(self, envelope: Envelope) -> None:
        envelope.given_up = True
        self._trace.mark_lost(envelope.id)

    def _retry_if_unacknowledged(self, envelope: Envelope, attempt: int) -> None:
        with self._state.changed:
            if envelope.acked or envelope.given_up or envelope.attempt != attempt or envelope in self._waiting:
                return
            if envelope.kind != "events_api" or envelope.attempt == MAX_RETRIES:
                self._give_up(envelope)
            else:
                envelope.attempt, envelope.reason = envelope.attempt + 1, "timeout"
                self._send(envelope)
            self._state.changed.notify_all()

    def _expire(self, envelope: Envelope) -> None:
        with self._state.changed:
            if envelope in self._waiting:
                self._waiting.remove(envelope)
                self._give_up(envelope)
                self._state.changed.notify_all()

    # ------------------------------------------------------------ connections

    def add_connection(self, connection: Connection) -> None:
        """Add a connection and send it the waiting envelopes. Refuse it if there are too many."""
        with self._state.changed:
            if len(self._connections) >= MAX_CONNECTIONS:
                connection.send(json.dumps({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}}))
                connection.close()
                return
            self._connections.append(connection)
            hello = {
                "type": "hello",
                "num_connections": len(self._connections),
                "connection_info": {"app_id": self._state.app},
                "debug_info": {"host": "applink-local", "build_number": 1, "approximate_connection_time": 18060},
            }
            connection.send(json.dumps(hello))
            waiting, self._waiting = self._waiting, []
            for envelope in waiting:
                self._send(envelope)
            self._state.changed.notify_all()

    def remove_connection(self, connection: Connection) -> None:
        with self._state.changed:
            if connection in self._connections:
                self._connections.remove(connection)
            self._state.changed.notify_all()

    def acknowledge(self, envelope_id: str, reply: Json) -> None:
        with self._state.changed:
            for envelope in self._all:
                if envelope.id == envelope_id and not self._faults.should_lose_ack():
                    first = not envelope.acked
                    envelope.acked, envelope.reply = True, reply or envelope.reply
                    self._trace.acknowledge(envelope.id, reply)
                    if first:
                        self._on_reply(envelope)
            self._state.changed.notify_all()

    def disconnect(self, reason: str) -> None:
        with self._state.changed:
            connections = list(self._connections)
            for connection in connections:
                connection.send(
                    json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "wss-local"}})
                )
                if reason == "warning":
                    self._timers.call_after(10, connection.close)
                else:
                    # Do not send through a connection that is about to close.
                    self._connections.remove(connection)
                    self._timers.call_after(0.5, connection.close)
            self._state.changed.notify_all()

    # ------------------------------------------------------------ HTTP

    def _post(self, envelope: Envelope) -> None:
        import httpx

        form = urlencode({"payload": json.dumps(envelope.payload)})
        if envelope.kind == "slash_commands":
            form = urlencode(envelope.payload)
        event = envelope.kind == "events_api"
        body = json.dumps(envelope.payload) if event else form
        headers = self.signature_headers(body)
        headers["content-type"] = "application/json" if event else "application/x-www-form-urlencoded"
        if envelope.attempt:
            headers |= {"x-slack-retry-num": str(envelope.attempt), "x-slack-retry-reason": envelope.reason}
        try:
            with httpx.Client(trust_env=False, timeout=self._state.timing.http_timeout) as client:
                response = client.post(self.url, content=body, headers=headers)
        except httpx.TimeoutException:
            self._retry_or_give_up(envelope, "http_timeout")
        except httpx.TransportError:
            self._retry_or_give_up(envelope, "connection_failed")
        else:
            if response.is_success:
                self.acknowledge(envelope.id, _parse_reply(response.text))
            else:
                self._retry_or_give_up(envelope, "http_error", "x-slack-no-retry" in response.headers)

    def signature_headers(self, body: str) -> dict[str, str]:
        """Return the headers that prove that a request comes from Slack."""
        stamp = str(int(time.time()))
        secret = self._state.signing_secret.encode()
        digest = hmac.new(secret, f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}

    def _retry_or_give_up(self, envelope: Envelope, reason: str, no_retry: bool = False) -> None:
        with self._state.changed:
            pauses = self._state.timing.http_retries
            if no_retry or envelope.kind != "events_api" or envelope.attempt >= len(pauses):
                self._give_up(envelope)
            else:
                pause = pauses[envelope.attempt]
                envelope.attempt, envelope.reason = envelope.attempt + 1, reason
                self._timers.call_after(pause, lambda: self._resend(envelope))
            self._state.changed.notify_all()

    def _resend(self, envelope: Envelope) -> None:
        with self._state.changed:
            self._send(envelope)


def _copy(envelope: Envelope) -> Envelope:
    return Envelope(str(uuid4()), envelope.kind, deepcopy(envelope.payload))


def _parse_reply(text: str) -> Json:
    if not text:
        return {}
    try:
        reply = json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
    return reply if isinstance(reply, dict) else {"text": str(reply)}
