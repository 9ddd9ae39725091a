"""Store a press on "Good answer" or "Bad answer", with the question and answer if they may be kept."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.answers import button_requests
from bot.answers.button_requests import Answered
from bot.db.feedback import Rating, put_rating
from bot.db.outdated import SourceMark, outdated_sources
from rag import sha256_of


def put_feedback(connection: Connection, about: Answered, user: str, verdict: str, answer: str) -> None:
    """Store a person's rating of an answer in place of their earlier one.

    If it is not known which documents the text may come from, the text is left out: it could not be deleted with them.
    """
    asked, used = about.question, list(about.used or ())
    first = button_requests.origin(connection, asked)
    text = asked.text or (first.question.text if first is not None else "")
    before = button_requests.answered_at(connection, first.question) if first is not None else None
    sources = {SourceMark(page["document"], page.get("name", ""), page.get("post", "")) for page in used}
    sources |= {SourceMark(page["document"]) for page in (before.used if before else None) or ()}
    known = about.used is not None and (before is None or before.used is not None)
    if not known or outdated_sources(connection, sources):
        text = answer = ""
    sums = sha256_of(connection, {source.document for source in sources})
    passages = [
        {name: page[name] for name in ("document", "page", "number", "cited")}
        | {"sha256": sums.get(page["document"], "")}
        for page in used
        if page["page"]
    ]
    rating = Rating.BAD if verdict == Rating.BAD else Rating.GOOD
    put_rating(connection, asked, user, rating, text=text, answer=answer, passages=passages, documents=sorted(sources))
