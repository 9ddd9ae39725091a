"""The statements of a financial report: which of its pages is the balance sheet, by the lines that it prints.

A ratio is computed from lines of a statement, and hundreds of other pages of the report tell of the same words. The
statement itself has nearly all of its lines on one page, as no other page has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from rag.catalog.scope import allowed_chunks
from rag.model import Scope
from rag.ports import WordIndex
from rag.search.fusion import Page
from rag.search.query_analysis import CASH, INCOME, SHEET


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


LINES: Mapping[str, tuple[str, ...]] = {
    SHEET: _lines(
        "total assets, total current assets, total liabilities, total current liabilities, cash and cash equivalents, "
        "accounts receivable, inventories, prepaid expenses, property, goodwill, accounts payable, accrued, "
        "long term debt, common stock, retained earnings, stockholders equity, shareholders equity, balance sheets"
    ),
    INCOME: _lines(
        "revenues, total revenues, net sales, cost of sales, cost of revenues, cost of goods sold, gross profit, "
        "research and development, operating expenses, operating income, income from operations, interest expense, "
        "income before income taxes, before income taxes, provision for income taxes, income tax expense, net income, "
        "basic, diluted, per share, statements of income, statements of operations"
    ),
    CASH: _lines(
        "operating activities, investing activities, financing activities, net cash provided by, depreciation, "
        "deferred income taxes, stock based compensation, changes in operating assets, purchases of property, "
        "repurchases, net increase decrease, beginning of period, end of period, cash equivalents end of, "
        "supplemental, statements of cash flows"
    ),
}
"""What the statements call their lines under US GAAP (Regulation S-X, articles 5-02 and 5-03, and ASC 230), with the
commonest other wordings; the index's stemming covers singular and plural."""

LEAST = 0.45
"""The share of a statement's lines that its page has. No filing words all as here: statements have 0.5 to 0.95 of
them, summaries of selected figures up to 0.5, other pages seldom 0.35."""


def pages_of(
    connection: Connection, words: WordIndex, ids: Sequence[int], wanted: Sequence[str], scope: Scope
) -> list[tuple[int, Page]]:
    """(chunk, page) of these statements in these documents, in the order of both; those not there are left out.

    The chunk is the one of the page that has most of the lines.
    """
    inside = replace(scope, documents=frozenset(ids))
    held = words.holders(connection, list({line: None for name in wanted for line in LINES[name]}), inside)
    at = allowed_chunks(connection, set().union(*held.values()), inside)
    best: dict[tuple[int, str], tuple[int, Page, int]] = {}
    for name in wanted:
        pages: dict[Page, dict[int, set[str]]] = {}
        for line in LINES[name]:
            for chunk in held[line] & at.keys():
                document, number, _ = at[chunk]
                pages.setdefault((document, number), {}).setdefault(chunk, set()).add(line)
        for page, chunks in sorted(pages.items()):
            lines = len(set().union(*chunks.values()))
            if lines > max(best.get((page[0], name), (0,))[0], LEAST * len(LINES[name])):
                best[page[0], name] = lines, page, max(sorted(chunks), key=lambda chunk: len(chunks[chunk]))
    named = [best[document, name] for document in ids for name in wanted if (document, name) in best]
    return list({page: (chunk, page) for _, page, chunk in named}.values())
