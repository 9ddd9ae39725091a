"""Envelopes on their way to the bot: sent, acknowledged or sent again, through Socket Mode or by HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlencode
from uuid import uuid4

from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.state import Json, World
from bot.demo.slack_server.timers import Clock
from bot.demo.slack_server.trace import Trace

RETRIES = 3
MOST_CONNECTIONS = 10

Kind = Literal["events_api", "interactive", "slash_commands"]


class Link(Protocol):
    """One open Socket Mode connection. Both may be called from any thread and never block."""

    def send(self, frame: str) -> None: ...

    def close(self) -> None: ...


@dataclass(eq=False)
class Envelope:
    """`sent` counts deliveries; `reply` is what the bot sent with its acknowledgement."""

    id: str
    kind: Kind
    payload: Json
    attempt: int = 0
    reason: str = ""
    sent: int = 0
    acked: bool = False
    given_up: bool = False
    reply: Json = field(default_factory=dict)

    @property
    def event(self) -> str:
        """The type of its event, or of its interaction."""
        inner: Json = self.payload.get("event") or self.payload
        return str(inner.get("type", self.kind))

    @property
    def frame(self) -> Json:
        told: Json = {"envelope_id": self.id, "type": self.kind, "payload": self.payload}
        told["accepts_response_payload"] = self.kind == "slash_commands"
        if self.kind == "events_api":
            told |= {"retry_attempt": self.attempt, "retry_reason": self.reason}
        return told


class Delivery:
    """Each envelope goes to any one of the open connections, in turn; without one it waits."""

    def __init__(self, world: World, faults: Faults, clock: Clock, trace: Trace) -> None:
        self._world, self._faults, self._clock, self._trace = world, faults, clock, trace
        self._links: list[Link] = []
        self._turn = 0
        self._all: list[Envelope] = []
        self._waiting: list[Envelope] = []
        self._posting = ThreadPoolExecutor(4, thread_name_prefix="workspace push")
        self.url = ""
        """Where to push by HTTP; empty: Socket Mode."""
        self.on_reply: Callable[[Envelope], None] = lambda _: None

    def close(self) -> None:
        self._posting.shutdown(wait=True, cancel_futures=True)

    # ------------------------------------------------------------ what there is

    def envelopes(self, event: str) -> list[Envelope]:
        with self._world.changed:
            return deepcopy([each for each in self._all if event in ("", each.event)])

    def envelopes_after(self, number: int) -> list[Envelope]:
        with self._world.changed:
            return deepcopy(self._all[number:])

    def find(self, envelope_id: str) -> Envelope:
        """The envelope itself, which goes on changing."""
        return next(each for each in self._all if each.id == envelope_id)

    @property
    def connections(self) -> int:
        return len(self._links)

    @property
    def settled(self) -> bool:
        with self._world.changed:
            there = bool(self._links) or bool(self.url)
            return there and all(each.acked or each.given_up for each in self._all)

    # ------------------------------------------------------------ sending

    def push(self, kind: Kind, payloads: list[Json]) -> list[str]:
        """Send what one action caused; the envelopes' ids."""
        with self._world.changed:
            if self._faults.of_action():
                payloads = payloads[::-1]
            envelopes = [Envelope(str(uuid4()), kind, deepcopy(payload)) for payload in payloads]
            for envelope in envelopes:
                self._all.append(envelope)
                self._trace.pushed(envelope.id, envelope.event, envelope.payload)
                if kind == "events_api" and self._faults.of_event():
                    self._give_up(envelope)
                    continue
                self._send(envelope)
                copies, new_envelope = self._faults.of_envelope()
                for _ in range(copies):
                    self._again(envelope, new_envelope)
            self._world.changed.notify_all()
            return [envelope.id for envelope in envelopes]

    def _again(self, envelope: Envelope, new_envelope: bool) -> None:
        if new_envelope:
            envelope = Envelope(str(uuid4()), envelope.kind, deepcopy(envelope.payload))
            self._all.append(envelope)
            self._trace.pushed(envelope.id, envelope.event, envelope.payload)
        self._send(envelope)

    def _send(self, envelope: Envelope) -> None:
        if self.url:
            self._count(envelope)
            self._posting.submit(self._post, envelope)
        elif self._links:
            self._turn += 1
            self._count(envelope)
            self._links[self._turn % len(self._links)].send(json.dumps(envelope.frame))
            attempt = envelope.attempt
            self._clock.after(self._world.pace.ack_timeout, lambda: self._overdue(envelope, attempt))
        elif envelope not in self._waiting:
            self._waiting.append(envelope)
            self._clock.after(self._world.pace.hold_events, lambda: self._held_too_long(envelope))

    def _count(self, envelope: Envelope) -> None:
        envelope.sent += 1
        self._trace.delivered(envelope.id, envelope.attempt, envelope.reason)

    def _give_up(self, envelope: Envelope) -> None:
        envelope.given_up = True
        self._trace.lost(envelope.id)

    def _overdue(self, envelope: Envelope, attempt: int) -> None:
        with self._world.changed:
            if envelope.acked or envelope.given_up or envelope.attempt != attempt or envelope in self._waiting:
                return
            if envelope.kind != "events_api" or envelope.attempt == RETRIES:
                self._give_up(envelope)
            else:
                envelope.attempt, envelope.reason = envelope.attempt + 1, "timeout"
                self._send(envelope)
            self._world.changed.notify_all()

    def _held_too_long(self, envelope: Envelope) -> None:
        with self._world.changed:
            if envelope in self._waiting:
                self._waiting.remove(envelope)
                self._give_up(envelope)
                self._world.changed.notify_all()

    # ------------------------------------------------------------ connections

    def opened(self, link: Link) -> int:
        """How many there are now. What waited is sent."""
        with self._world.changed:
            if len(self._links) >= MOST_CONNECTIONS:
                link.send(json.dumps({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {}}))
                link.close()
                return len(self._links)
            self._links.append(link)
            hello = {
                "type": "hello",
                "num_connections": len(self._links),
                "connection_info": {"app_id": self._world.app},
                "debug_info": {"host": "applink-local", "build_number": 1, "approximate_connection_time": 18060},
            }
            link.send(json.dumps(hello))
            waiting, self._waiting = self._waiting, []
            for envelope in waiting:
                self._send(envelope)
            self._world.changed.notify_all()
            return len(self._links)

    def closed(self, link: Link) -> None:
        with self._world.changed:
            if link in self._links:
                self._links.remove(link)
            self._world.changed.notify_all()

    def acked(self, envelope_id: str, reply: Json) -> None:
        with self._world.changed:
            for envelope in self._all:
                if envelope.id == envelope_id and not self._faults.of_ack():
                    first = not envelope.acked
                    envelope.acked, envelope.reply = True, reply or envelope.reply
                    self._trace.acked(envelope.id, reply)
                    if first:
                        self.on_reply(envelope)
            self._world.changed.notify_all()

    def disconnect(self, reason: str) -> None:
        with self._world.changed:
            links = list(self._links)
            for link in links:
                link.send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "wss-local"}}))
                if reason == "warning":
                    self._clock.after(10, link.close)
                else:
                    # Nothing more goes through a connection that is about to close.
                    self._links.remove(link)
                    self._clock.after(0.5, link.close)
            self._world.changed.notify_all()

    # ------------------------------------------------------------ HTTP

    def _post(self, envelope: Envelope) -> None:
        import httpx

        form = urlencode({"payload": json.dumps(envelope.payload)})
        if envelope.kind == "slash_commands":
            form = urlencode(envelope.payload)
        event = envelope.kind == "events_api"
        body = json.dumps(envelope.payload) if event else form
        headers = self.signed(body)
        headers["content-type"] = "application/json" if event else "application/x-www-form-urlencoded"
        if envelope.attempt:
            headers |= {"x-slack-retry-num": str(envelope.attempt), "x-slack-retry-reason": envelope.reason}
        try:
            with httpx.Client(trust_env=False, timeout=self._world.pace.http_timeout) as client:
                response = client.post(self.url, content=body, headers=headers)
        except httpx.TimeoutException:
            self._refused(envelope, "http_timeout")
        except httpx.TransportError:
            self._refused(envelope, "connection_failed")
        else:
            if response.is_success:
                self.acked(envelope.id, _reply(response.text))
            else:
                self._refused(envelope, "http_error", "x-slack-no-retry" in response.headers)

    def signed(self, body: str) -> dict[str, str]:
        """The headers that prove a request to be Slack's."""
        stamp = str(int(time.time()))
        secret = self._world.signing_secret.encode()
        digest = hmac.new(secret, f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}

    def _refused(self, envelope: Envelope, reason: str, for_good: bool = False) -> None:
        with self._world.changed:
            pauses = self._world.pace.http_retries
            if for_good or envelope.kind != "events_api" or envelope.attempt >= len(pauses):
                self._give_up(envelope)
            else:
                pause = pauses[envelope.attempt]
                envelope.attempt, envelope.reason = envelope.attempt + 1, reason
                self._clock.after(pause, lambda: self._resend(envelope))
            self._world.changed.notify_all()

    def _resend(self, envelope: Envelope) -> None:
        with self._world.changed:
            self._send(envelope)


def _reply(text: str) -> Json:
    if not text:
        return {}
    try:
        reply = json.loads(text)
    except json.JSONDecodeError:
        return {"text": text}
    return reply if isinstance(reply, dict) else {"text": str(reply)}
