"""What went between Slack and the bot, as it is told to whoever develops: pushes and calls, with their times."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bot.demo.slack_server.state import Json

KEPT = 1000
"""Records kept; older ones are forgotten, so that a workspace may stay open for days."""


@dataclass
class Record:
    """One envelope with all its deliveries, or one request of the bot with its answer."""

    number: int
    kind: Literal["event", "call"]
    name: str
    began: float
    """On the wall clock, in seconds."""
    told: Json
    """The payload of an envelope, or the arguments of a call."""
    deliveries: list[Json] = field(default_factory=list)
    """Of an envelope: `{"after": ms since it began, "attempt": ..., "reason": ...}`."""
    took: float | None = None
    """Milliseconds from the last delivery to its acknowledgement, or from a call to its answer."""
    answer: Json = field(default_factory=dict)
    status: int = 0
    """The HTTP status of a call's answer; 0: none came."""
    lost: bool = False
    """Nobody acknowledged it, and it will not be sent again."""
    version: int = 0
    _clock: float = field(default_factory=time.monotonic)

    @property
    def error(self) -> str:
        """What is wrong with it, or nothing."""
        if self.kind == "event":
            return "never acknowledged" if self.lost else ""
        if self.took is None:
            return ""
        if self.status != 200:
            return f"HTTP {self.status}" if self.status else "the connection was cut"
        return "" if self.answer.get("ok", True) else str(self.answer.get("error", "not ok"))

    @property
    def shape(self) -> Json:
        told = {"number": self.number, "kind": self.kind, "name": self.name, "began": self.began, "told": self.told}
        more = {"deliveries": self.deliveries, "took": self.took, "answer": self.answer, "status": self.status}
        return told | more | {"error": self.error, "lost": self.lost}

    def since(self) -> float:
        return round((time.monotonic() - self._clock) * 1000, 1)


class Trace:
    """Written under the world's lock, as everything is; `version` grows with every change."""

    def __init__(self, kept: int = KEPT, now: Callable[[], float] = time.time) -> None:
        self._kept, self._now = kept, now
        self._records: OrderedDict[int, Record] = OrderedDict()
        self._envelopes: dict[str, Record] = {}
        self._numbers = itertools.count(1)
        self.version = 0

    def changed_since(self, version: int) -> list[Json]:
        return [record.shape for record in self._records.values() if record.version > version]

    # ------------------------------------------------------------ calls

    def called(self, method: str, arguments: Json) -> Record:
        return self._add("call", method, arguments)

    def answered(self, record: Record, status: int, answer: Json) -> None:
        record.took, record.status, record.answer = record.since(), status, answer
        self._touch(record)

    # ------------------------------------------------------------ envelopes

    def pushed(self, envelope_id: str, name: str, payload: Json) -> None:
        self._envelopes[envelope_id] = self._add("event", name, payload)

    def delivered(self, envelope_id: str, attempt: int, reason: str) -> None:
        if record := self._envelopes.get(envelope_id):
            record.deliveries.append({"after": record.since(), "attempt": attempt, "reason": reason})
            self._touch(record)

    def acked(self, envelope_id: str, reply: Json) -> None:
        """The first acknowledgement counts; one after it was given up puts it right."""
        record = self._envelopes.get(envelope_id)
        if record and record.took is None:
            last = record.deliveries[-1]["after"] if record.deliveries else 0
            record.took, record.answer, record.lost = round(record.since() - last, 1), reply, False
            self._touch(record)

    def lost(self, envelope_id: str) -> None:
        if record := self._envelopes.get(envelope_id):
            record.lost = True
            self._touch(record)

    def _add(self, kind: Literal["event", "call"], name: str, told: Json) -> Record:
        record = Record(next(self._numbers), kind, name, self._now(), told)
        self._records[record.number] = record
        while len(self._records) > self._kept:
            _, old = self._records.popitem(last=False)
            self._envelopes = {key: each for key, each in self._envelopes.items() if each is not old}
        self._touch(record)
        return record

    def _touch(self, record: Record) -> None:
        self.version += 1
        record.version = self.version
