"""Find pages of a kind, such as the balance sheet of a report, by the lines that such a page prints.

Hundreds of pages of a report may contain the words of a financial statement, but only the statement itself has nearly
all of its lines on one page. Kinds are defined in glossaries, see rag.search.glossary_file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from rag.analysis.question import make_term
from rag.catalog.languages import languages_in
from rag.catalog.scope import allowed_chunks
from rag.model.search import PageKey, Scope
from rag.ports import FullTextIndex
from rag.search.glossary import PageKind


def find_pages_of_kinds(
    connection: Connection, words: FullTextIndex, documents: Sequence[int], kinds: Sequence[PageKind], scope: Scope
) -> list[tuple[int, PageKey]]:
    """Return (chunk, page) of the best page of each kind in each document, in the order of documents and kinds.

    Documents without such a page are left out. The chunk is the one with most of the lines on its page.
    """
    inside = replace(scope, documents=frozenset(documents))
    languages = languages_in(connection, inside)
    terms = {line: make_term(line, {*languages, "en"}) for kind in kinds for line in kind.lines}
    held = words.holders(connection, list(terms.values()), inside)
    chunks_with = {line: held[term.text] for line, term in terms.items()}
    allowed = allowed_chunks(connection, set().union(*chunks_with.values()), inside)
    best: dict[tuple[int, str], tuple[int, PageKey, int]] = {}
    for kind in kinds:
        pages: dict[PageKey, dict[int, set[str]]] = {}
        for line in kind.lines:
            for chunk in chunks_with[line] & allowed.keys():
                document, number, _ = allowed[chunk]
                pages.setdefault((document, number), {}).setdefault(chunk, set()).add(line)
        for page, chunks in sorted(pages.items()):
            count = len(set().union(*chunks.values()))
            if count > max(best.get((page[0], kind.name), (0,))[0], kind.min_share * len(kind.lines)):
                best[page[0], kind.name] = count, page, max(sorted(chunks), key=lambda chunk: len(chunks[chunk]))
    found = [best[document, kind.name] for document in documents for kind in kinds if (document, kind.name) in best]
    return list({page: (chunk, page) for _, page, chunk in found}.values())
