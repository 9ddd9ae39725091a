"""Which sources of stored text are outdated: the text must not be kept after them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection

from bot.db.used_pages import UsedPage, name_mark, post_mark
from rag import Scope, names_of, unshared_documents, visible_posts


class SourceMark(NamedTuple):
    """What a text may come from. `name` and `post` are marks as in `UsedPage`; 0 and "": none."""

    document: int = 0
    name: str = ""
    post: str = ""


def outdated_sources(connection: Connection, sources: Collection[SourceMark]) -> set[SourceMark]:
    """Return the sources whose document is not shared any more or has another name, or whose message says something
    else now."""
    documents = {source.document for source in sources if source.document}
    unshared = unshared_documents(connection, documents)
    names = {id: set(map(name_mark, known)) for id, known in names_of(connection, documents).items()}
    posted = {UsedPage(0, 0, post=source.post).posted_in for source in sources if source.post}
    posts = {
        post_mark(file.space, file.message, file.name, file.shared_by, file.words)
        for file in visible_posts(connection, Scope(None), posted)
    }
    return {
        source
        for source in sources
        if source.document in unshared
        or (source.name and source.name not in names.get(source.document, ()))
        or (source.post and source.post not in posts)
    }
