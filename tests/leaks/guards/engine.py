"""Guards of the engine: a search, a ranking or a deletion stays within a scope."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.mutations import Mutation

ENGINE: Mapping[str, tuple[Mutation, ...]] = {
    "words": (
        Mutation(
            "rag.catalog.fulltext:_inside",
            "if shape == EVERYTHING:\n        return []\n    # The plus",
            "if True:\n        return []\n    # The plus",
        ),
    ),
    "corrections": (
        Mutation(
            "rag.catalog.fulltext:Fts5Index.similar",
            "self.holders(connection, terms, scope)",
            "self.holders(connection, terms, Scope.operator())",
        ),
    ),
    "vectors": (
        Mutation(
            "rag.vectors.search:NeighborSearch._join",
            "allowed_chunks(connection, [neighbor.chunk for neighbor in near], scope)",
            "allowed_chunks(connection, [neighbor.chunk for neighbor in near], Scope.operator())",
        ),
        Mutation(
            "rag.vectors.search:NeighborSearch.nearest",
            "document_ids_in(connection, scope)",
            "document_ids_in(connection, Scope.operator())",
        ),
    ),
    "pixels": (Mutation("rag.catalog.fingerprints:_in", ", document.c.id.in_(documents_in(shape_of(scope)))", ""),),
    "page images": (
        Mutation(
            "rag.catalog.page_tokens:_pages",
            '.where(are_in((chunk.c.document_id, chunk.c.page), "pages"), inside)',
            "",
        ),
    ),
    "reranked names": (
        Mutation(
            "rag.search.reranking:read_passages",
            "shares_shown(connection, [document for document, _ in pages], scope,",
            "shares_shown(connection, [document for document, _ in pages], Scope.operator(),",
        ),
    ),
    "reranked pages": (
        Mutation(
            "rag.search.reranking:Reranking._judged_by_text",
            "passages = read_passages(connection, pages, rankings, scope)",
            "rows = connection.exec_driver_sql('SELECT document_id, page, text FROM chunk').all()\n"
            "            passages = [((row[0], row[1]), row[2]) for row in rows]",
        ),
    ),
    "reranked pictures": (
        Mutation(
            "rag.search.reranking:Reranking._judged_by_image",
            "paths = page_images(connection, pages, scope)",
            "rows = connection.exec_driver_sql(\n"
            "                'SELECT d.id, p.number, p.extraction_id, p.image FROM page p '\n"
            "                'JOIN document d ON d.extraction_id = p.extraction_id WHERE p.image IS NOT NULL'\n"
            "            ).all()\n"
            "            paths = {(row[0], row[1]): f'pictures/{row[2]}/{row[3]}' for row in rows}\n"
            "            pages = [*sorted(paths), *pages]",
        ),
    ),
    "names": (
        Mutation(
            "rag.catalog.scope:_shares_shown",
            "is_live(way), *shares_in(shape, way)",
            "is_live(way), is_visible()",
        ),
    ),
    "attached": (
        Mutation(
            "rag.catalog.scope:shared_documents_in",
            "*shares_in(shape, way)]",
            "*(shares_in(shape, way) if way is OWN else [])]",
        ),
        Mutation("rag.catalog.scope:_shares_shown", "*shares_in(shape, way)", "is_visible()"),
    ),
    "known attachment": (Mutation("rag.catalog.share_delay:delay_for_attachments", "if seconds:", "if False:"),),
    "evidence": (
        Mutation(
            "rag.search.hits:build_hits",
            'folder = data / "pictures" / str(row.extraction)',
            'folder = data / "pictures" / "1"',
        ),
    ),
    "folders not named any more": (Mutation("rag.ingest.following:Following.follow", "if drop_others:", "if False:"),),
    "withheld": (
        Mutation("rag.catalog.scope:is_visible", "share.c.state == ShareState.SHARED", "share.c.state.in_(LIVE)"),
    ),
    "settled": (Mutation("rag.catalog.share_ends:settle_shares", "        if is_there:", "        if True:"),),
    "moved": (
        Mutation(
            "rag.catalog.share_ends:move_space",
            "list_shares(connection, space=old, states=tuple(ShareState))",
            "list_shares(connection, space=old)",
        ),
    ),
    "unshared first": (
        Mutation(
            "rag.catalog.shares:_first_state", "    return ShareState.CHECKING\n", "    return ShareState.SHARED\n"
        ),
    ),
    "every space": (
        Mutation(
            "rag.catalog.shares:_next_state",
            'if _row(connection, source_id, EVERY_SPACE, "") is not None:',
            "if False:",
        ),
    ),
    "forgotten": (Mutation("rag.catalog.shares:_after_end", "return ShareState(known.state)", "return new.state"),),
    "ended words": (Mutation("rag.catalog.share_ends:_end_rows", "    if with_words:", "    if False:"),),
    "dropped words": (Mutation("rag.catalog.share_ends:drop_rows", "    if with_words:", "    if False:"),),
    "words of shares": (
        Mutation(
            "rag.catalog.share_words:search_share_words",
            "_matching(_table(version), shape_of(scope))",
            "_matching(_table(version), shape_of(Scope(None)))",
        ),
        Mutation("rag.catalog.pages:first_pages", "shape_of(scope)", "shape_of(Scope(None))"),
    ),
    "words of names": (
        Mutation(
            "rag.catalog.share_names:search_names",
            "shape_of(scope)",
            "shape_of(Scope(None))",
        ),
        Mutation("rag.catalog.pages:first_pages", "shape_of(scope)", "shape_of(Scope(None))"),
    ),
    "languages": (
        Mutation("rag.catalog.languages:_languages", "rows if shape == EVERYTHING else", "rows if True else"),
    ),
    "known document": (
        Mutation("rag.catalog.share_delay:_delay", "connection.execute(update(share)", "(update(share)"),
    ),
    "nothing": (
        Mutation("rag.catalog.shares:_put", "        _insert(connection, source_id, new, state)", "        pass"),
    ),
    "one of seven": (
        Mutation("rag.catalog.shares:_put", "    if known is None:", "    if known is None and source_id % 7 != 3:"),
    ),
    "standing": (
        Mutation(
            "rag.catalog.share_ends:settle_shares",
            "share.c.state == ShareState.CHECKING), ShareState.SHARED)",
            "share.c.state == ShareState.CHECKING), ShareState.DEPARTED)",
        ),
    ),
    "bytes": (Mutation("rag.ingest.deletion:_delete", "path.unlink()", "pass"),),
}
