"""States of sources and extractions, as they are stored."""

from enum import StrEnum


class SourceState(StrEnum):
    """State of fetching a source: waiting -> fetching -> known, or failed."""

    WAITING = "waiting"
    FETCHING = "fetching"
    KNOWN = "known"
    FAILED = "failed"
    GONE = "gone"
    """The source has no share any more."""


class ExtractionState(StrEnum):
    """State of an extraction: waiting -> running -> complete, or failed. A long one waits again between ranges."""

    WAITING = "waiting"
    RUNNING = "reading"
    COMPLETE = "complete"
    FAILED = "failed"


OPEN_EXTRACTION = (ExtractionState.WAITING, ExtractionState.RUNNING)

MAX_ATTEMPTS = 3
"""Claims of one source or extraction before it fails."""
