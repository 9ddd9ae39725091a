"""The inspector's log: events pushed to the bot and calls it made, with their timings."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.demo.slack_server.state import Json

MAX_RECORDS = 1000
"""Older records are dropped, so that a workspace can stay open for days."""


@dataclass
class Record:
    """One envelope with all its deliveries, or one request of the bot with its response."""

    number: int
    kind: Literal["event", "call"]
    name: str
    began: float
    """Wall-clock time, in seconds."""
    payload: Json
    """The payload of an envelope, or the arguments of a call."""
    deliveries: list[Json] = field(default_factory=list)
    """For an envelope: `{"after": milliseconds since `began`, "attempt": ..., "reason": ...}`."""
    took: float | None = None
    """Milliseconds from the last delivery to its acknowledgement, or from a call to its response."""
    answer: Json = field(default_factory=dict)
    status: int = 0
    """HTTP status of the response to a call; 0 when the connection was dropped."""
    lost: bool = False
    """Never acknowledged, and will not be sent again."""
    version: int = 0
    _started: float = field(default_factory=time.monotonic)

    @property
    def error(self) -> str:
        """Return what went wrong, or an empty string."""
        if self.kind == "event":
            return "never acknowledged" if self.lost else ""
        if self.took is None:
            return ""
        if self.status != 200:
            return f"HTTP {self.status}" if self.status else "the connection was dropped"
        return "" if self.answer.get("ok", True) else str(self.answer.get("error", "not ok"))

    def as_json(self) -> Json:
        return {
            "number": self.number,
            "kind": self.kind,
            "name": self.name,
            "began": self.began,
            "payload": self.payload,
            "deliveries": self.deliveries,
            "took": self.took,
            "answer": self.answer,
            "status": self.status,
            "error": self.error,
            "lost": self.lost,
        }

    def elapsed(self) -> float:
        """Return the milliseconds since the record was made."""
        return round((time.monotonic() - self._started) * 1000, 1)


class Trace:
    """The latest records. Call it under the state's lock. `version` grows with every change."""

    def __init__(self, max_records: int = MAX_RECORDS, now: Callable[[], float] = time.time) -> None:
        self._max_records, self._now = max_records, now
        self._records: OrderedDict[int, Record] = OrderedDict()
        self._envelopes: dict[str, Record] = {}
        self._numbers = itertools.count(1)
        self.version = 0

    def changed_since(self, version: int) -> list[Json]:
        return [record.as_json() for record in self._records.values() if record.version > version]

    # ------------------------------------------------------------ calls

    def add_call(self, method: str, arguments: Json) -> Record:
        return self._add("call", method, arguments)

    def add_response(self, record: Record, status: int, answer: Json) -> None:
        record.took, record.status, record.answer = record.elapsed(), status, answer
        self._touch(record)

    # ------------------------------------------------------------ envelopes

    def add_envelope(self, envelope_id: str, name: str, payload: Json) -> None:
        self._envelopes[envelope_id] = self._add("event", name, payload)

    def add_delivery(self, envelope_id: str, attempt: int, reason: str) -> None:
        if record := self._envelopes.get(envelope_id):
            record.deliveries.append({"after": record.elapsed(), "attempt": attempt, "reason": reason})
            self._touch(record)

    def acknowledge(self, envelope_id: str, reply: Json) -> None:
        """Record the first acknowledgement. One that comes after the envelope was given up clears `lost`."""
        record = self._envelopes.get(envelope_id)
        if record and record.took is None:
            last = record.deliveries[-1]["after"] if record.deliveries else 0
            record.took, record.answer, record.lost = round(record.elapsed() - last, 1), reply, False
            self._touch(record)

    def mark_lost(self, envelope_id: str) -> None:
        if record := self._envelopes.get(envelope_id):
            record.lost = True
            self._touch(record)

    def _add(self, kind: Literal["event", "call"], name: str, payload: Json) -> Record:
        record = Record(next(self._numbers), kind, name, self._now(), payload)
        self._records[record.number] = record
        while len(self._records) > self._max_records:
            _, old = self._records.popitem(last=False)
            self._envelopes = {key: each for key, each in self._envelopes.items() if each is not old}
        self._touch(record)
        return record

    def _touch(self, record: Record) -> None:
        self.version += 1
        record.version = self.version
