"""Background stages that process the ingester's results in batches: vectors, fingerprints and captions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


class Stage(Protocol):
    """One kind of background work. A row in the catalog waits while it has no result, so a crash loses one batch.

    Only the owner of the data folder calls `process_batch`; any process may call the other methods.
    """

    def process_batch(self, stop: threading.Event) -> int:
        """Process the next batch; return its size, 0 when nothing waits, the stage is off or `stop` is set."""
        ...

    def count_waiting(self) -> int:
        """Return how many items wait, whether the stage is on or off; 0 when it is not enabled at all."""
        ...

    def is_settled(self) -> bool:
        """Return whether nothing waits, or the stage is off."""
        ...

    def describe_waiting(self) -> str:
        """Return what waits, for progress messages: "12 pages wait for their fingerprints"."""
        ...


class Priority(Enum):
    """The time at which a stage runs."""

    FOLLOW_UP = auto()
    """Immediately, while the next pages are extracted."""

    IDLE = auto()
    """One batch at a time, when nothing else waits, because a batch takes seconds."""


@dataclass(frozen=True, slots=True)
class Stages:
    """All background stages with their priorities, in the order they run."""

    stages: Sequence[tuple[Stage, Priority]]

    def process_batch(self, priority: Priority, stop: threading.Event) -> int:
        """Process one batch of each stage of this priority; return how many items there were."""
        return sum(stage.process_batch(stop) for stage, own in self.stages if own is priority)

    def are_settled(self) -> bool:
        """Return whether nothing waits, except for stages that are off."""
        return all(stage.is_settled() for stage, _ in self.stages)

    def describe_waiting(self) -> str:
        """Return what the first stage that is not settled waits for, or an empty string."""
        return next((stage.describe_waiting() for stage, _ in self.stages if not stage.is_settled()), "")
