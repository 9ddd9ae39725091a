"""Erase from SQLite's full-text index what was deleted, step by step, so that other writers need not wait long."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from time import monotonic

from sqlalchemy import Connection, func, select, text

from rag.catalog.index_versions import IndexVersion, list_versions
from rag.ports import WriteTransaction

_MERGED_PAGES = 32
"""Pages of 4 KB that one step of a merge writes."""

_CHECKED_WORDS = 500
"""Words of which one step looks up whether some chunk still has them."""

_CHANGES_OF_NO_MERGE = 2
"""FTS5 documents that a merge with nothing to do changes fewer rows than this."""

_PAUSES = 2
"""Time between two steps, in durations of a step."""


def merge_segments(connection: Connection, name: str) -> None:
    """Merge the segments of an FTS5 table into one: an old segment keeps words that were deleted.

    It takes a second for 30,000 chunks; see `merge_gradually`.
    """
    connection.execute(text(f"INSERT INTO {name}({name}) VALUES ('optimize')"))


def merge_gradually(open_transaction: WriteTransaction, version: IndexVersion, stop: threading.Event) -> bool:
    """Do what `merge_segments` does in many transactions, and let other writers in between.

    Return False if `stop` was set before the end. A later call then starts over.
    """
    name = version.chunks
    pages = -_MERGED_PAGES  # a negative number puts all segments that there are now into one merge

    def merge(connection: Connection) -> bool:
        nonlocal pages
        before = _count_changes(connection)
        statement = text(f"INSERT INTO {name}({name}, rank) VALUES ('merge', :pages)")
        connection.execute(statement, {"pages": pages})
        pages = _MERGED_PAGES
        return _count_changes(connection) - before < _CHANGES_OF_NO_MERGE

    return _repeat(open_transaction, version, merge, stop)


def _count_changes(connection: Connection) -> int:
    return connection.scalar(select(func.total_changes())) or 0


def remove_words_gradually(open_transaction: WriteTransaction, version: IndexVersion, stop: threading.Event) -> bool:
    """Delete the words from the vocabulary that no chunk has any more, in many transactions.

    Return False if `stop` was set before the end. A later call then starts over.
    """
    chunks, vocabulary, last = version.chunks, version.vocabulary, ""
    following = text(f"SELECT term FROM {vocabulary} WHERE term > :last ORDER BY term LIMIT {_CHECKED_WORDS}")
    unused = text(
        f"DELETE FROM {vocabulary} WHERE term IN (SELECT value FROM json_each(:terms)) AND NOT EXISTS "
        f"""(SELECT 1 FROM {chunks} WHERE {chunks} MATCH '"' || replace(term, '"', '""') || '"')"""
    )

    def remove(connection: Connection) -> bool:
        nonlocal last
        terms = connection.scalars(following, {"last": last}).all()
        if not terms:
            return True
        connection.execute(unused, {"terms": json.dumps(terms)})
        last = terms[-1]
        return False

    return not version.analysis or _repeat(open_transaction, version, remove, stop)


def _repeat(
    open_transaction: WriteTransaction,
    version: IndexVersion,
    step: Callable[[Connection], bool],
    stop: threading.Event,
) -> bool:
    """Take a step in a transaction of its own until it returns True, or the version is replaced by a newer one.

    Return False if `stop` was set before.
    """
    while True:
        began = monotonic()
        with open_transaction() as connection:
            if version.number not in {one.number for one in list_versions(connection)} or step(connection):
                return True
        # SQLite's writers ask for the lock every few milliseconds, and get it only if it is free then.
        if stop.wait(_PAUSES * (monotonic() - began)):
            return False
