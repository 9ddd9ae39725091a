"""The queue of questions: which one a worker claims next, for its placeholder, its position or its answer."""

from __future__ import annotations

from time import time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    and_,
    case,
    func,
    or_,
    select,
    true,
    update,
)

from bot.db.questions import BEGUN, OPEN, POSTING, ClaimedQuestion, QuestionState, claimed_of, count_of, has_any
from bot.db.tables import question

_QUEUED_WITHIN = 10.0
"""Seconds for which a new question blocks later ones while its placeholder is not posted yet."""


def is_new_due(connection: Connection) -> bool:
    """Return whether `claim_new` would claim a question."""
    return has_any(connection, question.c.state == QuestionState.NEW, question.c.next_try <= time())


def is_queued(connection: Connection) -> bool:
    """Return whether any question is in the queue."""
    return has_any(connection, question.c.state == QuestionState.QUEUED)


def next_due(connection: Connection) -> float | None:
    """Return when a question may be claimed next: now while any is in progress. None: there is no open question."""
    if has_any(connection, question.c.state.in_(BEGUN)):
        return time()
    due: float | None = connection.scalar(
        select(func.min(question.c.next_try)).where(question.c.state == QuestionState.NEW)
    )
    return due


def claim_new(connection: Connection) -> ClaimedQuestion | None:
    """Claim the next question that needs a placeholder, or that was canceled and needs its message cleaned up."""
    return _claim(connection, _next(question.c.state == QuestionState.NEW), QuestionState.POSTING)


def claim_question(connection: Connection, limit: int = 0) -> ClaimedQuestion | None:
    """Claim the next question of the queue. Return None if an earlier question is about to enter the queue.

    Questions whose position is being shown are skipped, and so are those of people who have `limit` questions being
    answered; 0: no limit.
    """
    not_queued_yet = question.c.state.in_([QuestionState.NEW, QuestionState.POSTING])
    due = not_queued_yet & (question.c.asked_at > time() - _QUEUED_WITHIN)
    due |= question.c.state == QuestionState.QUEUED
    if limit:
        answering = question.alias()
        people = select(answering.c.user).where(answering.c.state == QuestionState.ANSWERING).group_by(answering.c.user)
        due = due & question.c.user.not_in(people.having(func.count() >= limit))
    return _claim(connection, _next(due), QuestionState.ANSWERING, question.c.state == QuestionState.QUEUED)


def claim_for_position(connection: Connection, id: int) -> ClaimedQuestion | None:
    """Claim a queued question to show its position. Until it is queued again it is not answered."""
    matching = select(question.c.id).where(question.c.id == id, question.c.state == QuestionState.QUEUED)
    return _claim(connection, matching.scalar_subquery(), QuestionState.UPDATING)


def enqueue(connection: Connection, claimed: ClaimedQuestion) -> None:
    """Put a question with a placeholder into the queue; one that changed since it was claimed starts again."""
    state = case((question.c.revision == claimed.revision, QuestionState.QUEUED), else_=QuestionState.NEW)
    matching = (question.c.id == claimed.id) & question.c.state.in_(POSTING)
    connection.execute(update(question).where(matching).values(state=state))


def queued(connection: Connection) -> list[tuple[int, int]]:
    """Return (id, number of questions before it or being answered) of every queued question, in order.

    Questions with a composed reply are left out: their message may show it already.
    """
    is_composed = question.c.reply.is_not(None).label("is_composed")
    rows = select(question.c.id, question.c.state, is_composed).where(
        question.c.state.in_(OPEN), question.c.cancellation.is_(None)
    )
    order = (question.c.state != QuestionState.ANSWERING, question.c.turn, question.c.id)
    ordered = connection.execute(rows.order_by(*order))
    return [(row.id, before) for before, row in enumerate(ordered) if _shows_position(row)]


def _shows_position(row: Row[Any]) -> bool:
    return row.state == QuestionState.QUEUED and not row.is_composed


def count_before(connection: Connection, claimed: ClaimedQuestion) -> int:
    """Return the number of questions that are before this one or being answered."""
    sooner = or_(
        question.c.turn < claimed.turn,
        and_(question.c.turn == claimed.turn, question.c.id < claimed.id),
        question.c.state == QuestionState.ANSWERING,
    )
    others = (question.c.id != claimed.id) & question.c.state.in_(OPEN) & question.c.cancellation.is_(None)
    return count_of(connection, others & sooner)


def release_claims(connection: Connection) -> None:
    """Make the questions due again that a killed process was working on. Call it once, when the bot starts."""
    connection.execute(update(question).where(question.c.state.in_(BEGUN)).values(state=QuestionState.NEW))


def end_delays(connection: Connection) -> None:
    """Make delayed questions due now, because Slack can be reached again."""
    connection.execute(update(question).where(question.c.state == QuestionState.NEW).values(next_try=0))


def _next(state: ColumnElement[bool]) -> ScalarSelect[Any]:
    due = select(question.c.id).where(state, question.c.next_try <= time())
    return due.order_by(question.c.turn, question.c.id).limit(1).scalar_subquery()


def _claim(
    connection: Connection, candidate: ScalarSelect[Any], state: QuestionState, only: ColumnElement[bool] | None = None
) -> ClaimedQuestion | None:
    """Claim in one statement: with a select and an update, two workers could claim the same question. Only answering
    counts as an attempt."""
    attempts = question.c.attempts + (1 if state == QuestionState.ANSWERING else 0)
    row = connection.execute(
        update(question)
        .where(question.c.id == candidate, true() if only is None else only)
        .values(state=state, attempts=attempts)
        .returning(*question.c)
    ).one_or_none()
    return None if row is None else claimed_of(row)
