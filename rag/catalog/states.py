"""States of sources, shares and extractions, as they are stored."""

from enum import StrEnum


class SourceState(StrEnum):
    """State of fetching a source: waiting -> fetching -> known, or failed."""

    WAITING = "waiting"
    FETCHING = "fetching"
    KNOWN = "known"
    FAILED = "failed"
    GONE = "gone"
    """The source has no share any more."""


class ShareState(StrEnum):
    """State of one share. Readers see only those that are SHARED; see `scope.is_visible`."""

    SHARED = "shared"
    CHECKING = "checking"
    """Its end was reported; hidden until the chat confirms which of the source's messages stand."""
    LEFT_OUT = "left out"
    """Sent as a question, so it is not indexed."""
    REFUSED = "refused"
    """Not indexed, for the reason in the row."""
    DEPARTED = "departed"
    """Its message or file was deleted, or the file was taken out of the message. Kept for a while without its words:
    events arrive in any order, and a listing may lag behind."""
    FORGOTTEN = "forgotten"
    """A person removed it, or it was older than files are kept. A listing does not bring it back."""


LIVE = (ShareState.SHARED, ShareState.CHECKING)
"""States in which a share keeps its document."""

ENDED = (ShareState.DEPARTED, ShareState.FORGOTTEN)
"""States without name, link, person and words."""


STANDING = tuple(state for state in ShareState if state not in ENDED)
"""States of shares that a person can still remove: indexed, left out or refused."""


class ExtractionState(StrEnum):
    """State of an extraction: waiting -> running -> complete, or failed. A long one waits again between ranges."""

    WAITING = "waiting"
    RUNNING = "reading"
    COMPLETE = "complete"
    FAILED = "failed"


OPEN_EXTRACTION = (ExtractionState.WAITING, ExtractionState.RUNNING)

MAX_ATTEMPTS = 3
"""Claims of one source or extraction before it fails."""
