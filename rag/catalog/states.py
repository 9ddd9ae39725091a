"""States of the work on sources and documents, as they are stored."""

from enum import StrEnum


class SourceState(StrEnum):
    """How far the bytes of a source are: waiting -> fetching -> known, or failed."""

    WAITING = "waiting"
    FETCHING = "fetching"
    KNOWN = "known"
    FAILED = "failed"
    GONE = "gone"
    """It has no share any more."""


class ExtractionState(StrEnum):
    """How far an extraction is: waiting -> running -> complete, or failed. A long one waits again between ranges."""

    WAITING = "waiting"
    RUNNING = "reading"
    COMPLETE = "complete"
    FAILED = "failed"


OPEN_EXTRACTION = (ExtractionState.WAITING, ExtractionState.RUNNING)

MAX_ATTEMPTS = 3
"""Claims of one source or extraction before it is given up."""
