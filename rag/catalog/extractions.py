"""Extractions: passes of an extractor over a document, and the queue of those to run.

An extraction is written in ranges of pages, each in one short transaction, and can be resumed. The first extraction of
a document can be searched while it grows; a later one takes its place in one statement when it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from secrets import token_hex
from time import time

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from rag.analysis.languages import detect_languages
from rag.catalog.deletions import delete_later
from rag.catalog.dialects import next_unlocked, upsert
from rag.catalog.file_notes import pack_notes
from rag.catalog.holdings import ATTACHED, OWN, both_ways
from rag.catalog.languages import main_language
from rag.catalog.page_writing import delete_skimmed_pages, insert_pages
from rag.catalog.priorities import best_rank, rank
from rag.catalog.scope import has_share, is_live
from rag.catalog.share_delay import delay_later_shares
from rag.catalog.skims import has_to_be_skimmed, is_extracted, put_skimmed
from rag.catalog.states import LIVE, OPEN_EXTRACTION, ExtractionState
from rag.catalog.tables import (
    attachment,
    chunk,
    chunk_vector,
    document,
    extraction,
    page,
    share,
    source,
    vector_deletion,
)
from rag.fairness import Claimant, IntakePriority, rank_of
from rag.model.extraction import Box, ExtractedPage, Inspection, Kind, NewChunk
from rag.ports import FullTextIndex

SHORT = 8
"""Pages of a document that is extracted at once. A longer one is extracted in ranges of so many pages, and short
documents go between them."""

_TURN = 64
"""Pages after which another long document has its turn: an office document may have to be converted once more then."""

AGAIN = Claimant(IntakePriority.REREAD, "")
"""The claimant of repeated extractions. No source has this priority."""


@dataclass(frozen=True, slots=True)
class ClaimedExtraction:
    """An extraction that is being worked on. `claim` is new at each claim, and only its holder may write.

    `pages_done` of `pages` are written, and `pages_skimmed` were skimmed; `attempts` counts this claim too.
    `is_first`: no earlier extraction of the document can be searched.
    """

    id: int
    claim: str
    document: int
    sha256: str
    attempts: int
    pages: int
    pages_done: int
    pages_skimmed: int = 0
    is_first: bool = True


# ---------------------------------------------------------------- requesting


def request_extraction(connection: Connection, document_id: int, extractor: str) -> None:
    """Queue a new extraction, unless one is open already. Delete failed ones that are not searched."""
    mine = extraction.c.document_id == document_id
    if connection.scalar(select(exists().where(mine, extraction.c.state.in_(OPEN_EXTRACTION)))):
        return
    current = select(document.c.extraction_id).where(document.c.id == document_id).scalar_subquery()
    useless = and_(extraction.c.state == ExtractionState.FAILED, extraction.c.id.is_distinct_from(current))
    connection.execute(delete(extraction).where(mine, useless))
    waiting = insert(extraction).values(
        document_id=document_id, extractor=extractor, state=ExtractionState.WAITING, queued_at=time()
    )
    new = connection.execute(waiting.returning(extraction.c.id)).scalar_one()
    first = and_(document.c.id == document_id, document.c.extraction_id.is_(None))
    connection.execute(update(document).where(first).values(extraction_id=new))


def request_if_failed(connection: Connection, document_id: int, extractor: str) -> None:
    """Queue an extraction of a document that has none, or only failed ones."""
    states = connection.scalars(select(extraction.c.state).where(extraction.c.document_id == document_id)).all()
    if all(state == ExtractionState.FAILED for state in states):
        request_extraction(connection, document_id, extractor)


def request_outdated(connection: Connection, extractor: str) -> int:
    """Queue a new extraction of every document extracted by another version of the extractor. Return their number.

    If this version failed on a document before, the old extraction stays. An extraction that waits and has no pages
    yet is assigned to this version.
    """
    not_started = (extraction.c.state == ExtractionState.WAITING, extraction.c.pages_done == 0)
    another = extraction.c.extractor != extractor
    connection.execute(update(extraction).where(*not_started, another).values(extractor=extractor))
    other = extraction.alias()
    tried = exists().where(
        other.c.document_id == document.c.id,
        or_(other.c.extractor == extractor, other.c.state.in_(OPEN_EXTRACTION)),
    )
    outdated = select(document.c.id).join(extraction, extraction.c.id == document.c.extraction_id)
    found = connection.scalars(outdated.where(another, ~tried, has_share(document.c.id))).all()
    for document_id in found:
        request_extraction(connection, document_id, extractor)
    return len(found)


def list_outdated(connection: Connection) -> list[int]:
    """Return one source of each document that is being extracted again by another version of the extractor: its own, or
    that of a file that it is attached to."""
    current = extraction.alias()
    again = (
        select(document.c.id)
        .join(extraction, extraction.c.document_id == document.c.id)
        .join(current, current.c.id == document.c.extraction_id)
        .where(extraction.c.state.in_(OPEN_EXTRACTION), current.c.extractor != extraction.c.extractor)
    )
    rows = both_ways(
        lambda way: (
            select(way.document.label("document"), func.min(source.c.id).label("source"))
            .where(way.document.in_(again), is_live(way), share.c.state.in_(LIVE))
            .group_by(way.document)
        )
    )
    found: dict[int, int] = {}
    for row in connection.execute(rows):  # the document's own sources first
        found.setdefault(row.document, row.source)
    return [found[id] for id in sorted(found)]


# ---------------------------------------------------------------- claiming


def has_waiting_extraction(connection: Connection, by: float) -> bool:
    """Return whether an extraction of a shared document can be claimed by this time, in seconds since 1970."""
    return bool(connection.scalar(_ANY_WAITING, {"by": by}))


def _is_waiting(by: float | ColumnElement[float]) -> ColumnElement[bool]:
    return and_(extraction.c.state == ExtractionState.WAITING, extraction.c.retry_at <= by)


_ANY_WAITING = select(
    exists().where(_is_waiting(bindparam("by", type_=Float)), has_share(extraction.c.document_id))
)  # built once: that takes longer than running it, which happens several times a second


def _is_repeated() -> ColumnElement[bool]:
    """Return the condition that the document of an extraction has another one that is searched already."""
    return ~exists().where(document.c.id == extraction.c.document_id, document.c.extraction_id == extraction.c.id)


def _is_long() -> ColumnElement[bool]:
    """Return the condition that a document has more than SHORT pages. One that was not opened yet counts as short."""
    return extraction.c.pages > SHORT


def _turns_had() -> ColumnElement[int]:
    """Return how many turns a long document had; 0 for a short one, which needs none."""
    return case((_is_long(), extraction.c.pages_done // _TURN), else_=0)


def has_to_yield(connection: Connection, claimed: ClaimedExtraction, pages: int, pages_done: int) -> bool:
    """Return whether another extraction goes before the rest of this one, of which `pages_done` pages are written.

    That is one of a better rank, or of the same rank if it has to be skimmed, is short, or had fewer turns. Of a
    document that was only skimmed, or is short, it is one that has to be skimmed.
    """
    mine = connection.scalar(select(_rank()).where(extraction.c.id == claimed.id))
    if pages <= SHORT or not pages_done:
        skims = and_(_is_waiting(time()), has_share(extraction.c.document_id), has_to_be_skimmed(), _rank() <= mine)
        return bool(connection.scalar(select(exists().where(skims))))
    is_next = or_(~_is_long(), _turns_had() < pages_done // _TURN, has_to_be_skimmed())
    is_next = or_(_rank() < mine, and_(_rank() == mine, is_next))
    waiting = and_(_is_waiting(time()), has_share(extraction.c.document_id), is_next)
    return bool(connection.scalar(select(exists().where(waiting))))


def _rank() -> ColumnElement[int]:
    again = rank(literal(int(IntakePriority.REREAD)), extraction.c.queued_at)
    return case((_is_repeated(), again), else_=best_rank())


def list_claimants(connection: Connection) -> dict[Claimant, int]:
    """Return {claimant: rank} of the people who share a document whose first extraction can be claimed now.

    The order and the empty person are as in `sources.list_claimants`. Repeated extractions have no person. If documents
    of the best rank have to be skimmed, those who share others of this rank are left out.
    """
    who, now = func.coalesce(share.c.shared_by, ""), time()
    waiting = both_ways(
        lambda way: (
            select(source.c.priority, who.label("who"), source.c.queued_at, extraction.c.id)
            .add_columns(case((has_to_be_skimmed(), 1), else_=0).label("to_skim"))
            .where(way.document == extraction.c.document_id, is_live(way), share.c.state.in_(LIVE))
            .where(_is_waiting(now), ~_is_repeated())
        )
    ).subquery()
    rows = select(waiting.c.priority, waiting.c.who, func.min(waiting.c.queued_at), func.max(waiting.c.to_skim))
    rows = rows.group_by(waiting.c.priority, waiting.c.who).order_by(func.min(waiting.c.id))
    listed = connection.execute(rows).all()
    found = {Claimant(row[0], row[1]): rank_of(row[0], row[2], now) for row in listed}
    best = min(found.values(), default=0)
    to_skim = {Claimant(row[0], row[1]) for row in listed if row[3]}
    if any(found[claimant] == best for claimant in to_skim):
        found = {claimant: rank for claimant, rank in found.items() if rank != best or claimant in to_skim}
    since = connection.scalar(select(func.min(extraction.c.queued_at)).where(_is_waiting(now), _is_repeated()))
    if since is not None:
        found[AGAIN] = rank_of(IntakePriority.REREAD, since, now)
    return found


def claim_extraction(
    connection: Connection, claimant: Claimant | None = None, *, repeated: bool = True
) -> ClaimedExtraction | None:
    """Claim one extraction of a shared document, for `claimant` if given. Return None when none waits.

    Those that have to be skimmed go first, then short documents, then long ones, which take turns. `repeated`: without
    a claimant, repeated ones count too.
    """
    first: ColumnElement[int]
    mine: ColumnElement[bool]
    if claimant is None:
        first, mine = _rank(), true() if repeated else ~_is_repeated()
    elif claimant == AGAIN:
        first, mine = literal(0), _is_repeated()
    else:
        first, mine = literal(0), and_(_is_of(claimant), ~_is_repeated())
    candidates = (
        select(extraction.c.id)
        .where(_is_waiting(time()), has_share(extraction.c.document_id), mine)
        .order_by(first, ~has_to_be_skimmed(), _is_long(), _turns_had(), extraction.c.id)
    )
    row = connection.execute(
        update(extraction)
        .where(extraction.c.id == next_unlocked(candidates))
        .values(state=ExtractionState.RUNNING, run_id=token_hex(16), attempts=extraction.c.attempts + 1)
        .returning(*extraction.c)
    ).one_or_none()
    if row is None:
        return None
    known = connection.execute(select(document).where(document.c.id == row.document_id)).one()
    counts = row.pages, row.pages_done, row.pages_skimmed
    is_first = known.extraction_id == row.id
    return ClaimedExtraction(row.id, row.run_id, row.document_id, known.sha256, row.attempts, *counts, is_first)


def _is_of(claimant: Claimant) -> ColumnElement[bool]:
    """Return the condition that a person shares an extraction's document with this priority; see `list_claimants`."""
    shared = [
        exists()
        .select_from(way.tables)
        .where(way.document == extraction.c.document_id, is_live(way), share.c.state.in_(LIVE))
        .where(func.coalesce(share.c.shared_by, "") == claimant.person, source.c.priority == claimant.priority)
        for way in (OWN, ATTACHED)
    ]
    return or_(*shared)


def is_held(connection: Connection, claimed: ClaimedExtraction) -> bool:
    """Return whether a claim has not ended. Its holder may write in this transaction."""
    return bool(connection.scalar(select(exists().where(_is_mine(claimed)))))


def _is_mine(claimed: ClaimedExtraction) -> ColumnElement[bool]:
    running = extraction.c.state == ExtractionState.RUNNING
    return and_(extraction.c.id == claimed.id, running, extraction.c.run_id == claimed.claim)


def release_extraction(connection: Connection, claimed: ClaimedExtraction, wait: float, *, fresh: bool = False) -> None:
    """Return a claim to the queue, not to be claimed for `wait` seconds. With `fresh`, reset its attempts."""
    again = {"state": ExtractionState.WAITING, "run_id": None, "retry_at": time() + wait}
    values = again | ({"attempts": 0} if fresh else {})
    connection.execute(update(extraction).where(_is_mine(claimed)).values(**values))


# ---------------------------------------------------------------- pages


def begin_pages(connection: Connection, claimed: ClaimedExtraction, found: Inspection) -> bool:
    """Record what is known of a document before its pages are extracted.

    Return False, and record nothing, when the claim has ended.
    """
    values: dict[str, object] = {"pages": found.page_count}
    if not claimed.pages_done:  # else there may be notes about its attachments by now
        values["notes"] = pack_notes(found.notes)
    if not connection.execute(update(extraction).where(_is_mine(claimed)).values(**values)).rowcount:
        return False
    facts = update(document).where(document.c.id == claimed.document)
    facts = facts.values(media_type=found.media_type, title=found.title)
    connection.execute(facts)
    return True


def last_heading(connection: Connection, extraction_id: int) -> str:
    """Return the heading path at the end of the pages extracted so far. Chunks of headers and footers have none."""
    rows = select(chunk.c.heading).where(chunk.c.extraction_id == extraction_id, chunk.c.heading != "", is_extracted())
    return connection.scalar(rows.order_by(chunk.c.id.desc()).limit(1)) or ""


def written_chunks(connection: Connection, extraction_id: int) -> Iterator[NewChunk]:
    """Yield the chunks of the pages extracted so far, in order."""
    rows = select(chunk).where(chunk.c.extraction_id == extraction_id, is_extracted()).order_by(chunk.c.id)
    for row in connection.execute(rows):
        yield NewChunk(
            page=row.page,
            kind=Kind(row.kind),
            text=row.text,
            heading=row.heading,
            caption=row.caption,
            box=Box(*json.loads(row.box)),
            line_boxes=tuple(Box(*box) for box in json.loads(row.line_boxes)),
            picture=row.image,
        )


def may_write(connection: Connection, claimed: ClaimedExtraction) -> bool:
    """Return whether a claim has not ended. It ends now if the document is not shared any more: the extraction waits
    again then, in case the document is shared once more before it is deleted."""
    if not is_held(connection, claimed):
        return False
    if not connection.scalar(select(has_share(claimed.document))):
        release_extraction(connection, claimed, wait=0, fresh=True)
        return False
    return True


def put_pages(
    connection: Connection,
    words: FullTextIndex,
    claimed: ClaimedExtraction,
    title: str,
    pages: Sequence[ExtractedPage],
    chunks: Sequence[NewChunk],
) -> bool:
    """Write one range of pages with its chunks and words, in place of the skimmed ones.

    Return False, and write nothing, when the claim has ended, or ends now; see `may_write`.
    """
    if not may_write(connection, claimed):
        return False
    delete_skimmed_pages(connection, words, claimed.id, pages[0].number, pages[-1].number)
    known = main_language(connection, claimed.document)
    languages = detect_languages([f"{new.heading}\n{new.caption}\n{new.text}" for new in chunks], known)
    with_languages = list(zip(chunks, languages, strict=True))
    insert_pages(connection, words, claimed.id, claimed.document, title, pages, with_languages)
    done = update(extraction).where(extraction.c.id == claimed.id).values(pages_done=pages[-1].number, attempts=1)
    connection.execute(done)
    return True


def put_skim(
    connection: Connection,
    words: FullTextIndex,
    claimed: ClaimedExtraction,
    title: str,
    pages: Sequence[ExtractedPage],
    chunks: Sequence[NewChunk],
    last: int,
) -> bool:
    """Write skimmed pages, which are found until their range is extracted; see `skims.put_skimmed`.

    Return False, and write nothing, when the claim has ended, or ends now.
    """
    if not may_write(connection, claimed):
        return False
    put_skimmed(connection, words, claimed.id, claimed.document, title, pages, chunks, last)
    return True


# ---------------------------------------------------------------- ending


def complete_extraction(
    connection: Connection, words: FullTextIndex, claimed: ClaimedExtraction, seconds: float = 0.0
) -> bool:
    """Make this extraction, which took `seconds`, the one that is searched, and delete the older ones.

    Return False, and change nothing, when the claim has ended.
    """
    done = {"state": ExtractionState.COMPLETE, "run_id": None, "reason": None, "seconds": seconds}
    if not connection.execute(update(extraction).where(_is_mine(claimed)).values(**done)).rowcount:
        return False
    connection.execute(update(document).where(document.c.id == claimed.document).values(extraction_id=claimed.id))
    others = and_(extraction.c.document_id == claimed.document, extraction.c.id != claimed.id)
    older = connection.scalars(select(extraction.c.id).where(others)).all()
    if not older:
        delay_later_shares(connection, claimed.document, seconds)
    for extraction_id in older:
        drop_extraction(connection, words, extraction_id)
    return True


def fail_extraction(
    connection: Connection, words: FullTextIndex, claimed: ClaimedExtraction, reason: str, hint: str
) -> None:
    """Record that a claimed extraction failed, unless the claim has ended.

    Its pages are deleted if an older one is searched; otherwise they stay.
    """
    failed = {"state": ExtractionState.FAILED, "reason": reason, "hint": hint, "run_id": None}
    if not connection.execute(update(extraction).where(_is_mine(claimed)).values(**failed)).rowcount:
        return
    if connection.scalar(select(_is_repeated()).where(extraction.c.id == claimed.id)):
        _drop_copies(connection, words, claimed.id)
        connection.execute(delete(chunk).where(chunk.c.extraction_id == claimed.id))
        connection.execute(delete(page).where(page.c.extraction_id == claimed.id))
        connection.execute(delete(attachment).where(attachment.c.extraction_id == claimed.id))


def drop_extraction(connection: Connection, words: FullTextIndex, extraction_id: int) -> None:
    """Delete an extraction, and queue its vectors and pictures for deletion."""
    _drop_copies(connection, words, extraction_id)
    connection.execute(delete(extraction).where(extraction.c.id == extraction_id))


def _drop_copies(connection: Connection, words: FullTextIndex, extraction_id: int) -> None:
    """Delete the copies of an extraction outside its own rows.

    The full text is deleted at once; vectors in the store and files on disk are queued for deletion.
    """
    mine = select(chunk.c.id).where(chunk.c.extraction_id == extraction_id)
    vectors = select(chunk_vector.c.chunk_id, chunk_vector.c.window).where(chunk_vector.c.chunk_id.in_(mine)).distinct()
    queued = upsert(vector_deletion).from_select(["chunk_id", "window"], vectors)
    connection.execute(queued.on_conflict_do_nothing())
    words.remove(connection, extraction_id)
    delete_later(connection, f"pictures/{extraction_id}", is_folder=True)
