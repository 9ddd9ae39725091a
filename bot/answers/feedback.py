"""A press on "Good answer" or "Bad answer": what of the question and the answer may be kept."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.answers import button_requests
from bot.answers.button_requests import Answered
from bot.db.feedback import Rating, gone_or_renamed, put_rating
from rag import sha256_of


def put_feedback(connection: Connection, about: Answered, user: str, verdict: str, answer: str) -> None:
    """Store what a person says of an answer, in place of what they said of it before.

    The text is left out when it is not known which documents it may come from: it could not be deleted with them.
    """
    asked, used = about.question, list(about.used or ())
    first = button_requests.origin(connection, asked)
    text = asked.text or (first.question.text if first is not None else "")
    before = button_requests.answered_at(connection, first.question) if first is not None else None
    sources = {(one["document"], one.get("name", "")) for one in used}
    sources |= {(one["document"], "") for one in (before.used if before else None) or ()}
    known = about.used is not None and (before is None or before.used is not None)
    if not known or gone_or_renamed(connection, sources):
        text = answer = ""
    sums = sha256_of(connection, {document for document, _ in sources})
    passages = [
        {name: one[name] for name in ("document", "page", "number", "cited")}
        | {"sha256": sums.get(one["document"], "")}
        for one in used
        if one["page"]
    ]
    said = Rating.BAD if verdict == Rating.BAD else Rating.GOOD
    put_rating(connection, asked, user, said, text=text, answer=answer, passages=passages, documents=sorted(sources))
