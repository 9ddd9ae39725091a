"""Check the reranker by reranking two passages, for `magpie doctor`."""

from __future__ import annotations

from time import perf_counter

from rag.errors import MagpieError
from rag.model.operations import Check
from rag.search.reranking import Reranking

_NAME = "reranker"


def check_reranker(reranking: Reranking | None) -> Check:
    """Return whether the reranker works, how long it takes, and whether it prefers a passage with the answer."""
    if reranking is None:
        return Check(_NAME, "off", "pages stay in the order of the lanes; set MAGPIE_RERANK__MODEL to turn it on")
    state = reranking.status()
    if not state.is_on:
        return Check(_NAME, "warn", f"off: {state.reason}", state.fix)
    started = perf_counter()
    try:
        right, wrong = reranking.try_out()
    except MagpieError as error:
        return Check(_NAME, "warn", f"off: {error}", error.hint)
    taken = f"{(perf_counter() - started) * 1000:.0f} ms for two short passages"
    if right <= wrong:
        detail = f"it prefers a passage that does not answer the question ({right:.2f}, {wrong:.2f}); {taken}"
        return Check(_NAME, "warn", detail, "Set MAGPIE_RERANK__MODEL to another reranker.")
    return Check(_NAME, "ok", f"it prefers the passage with the answer ({right:.2f} to {wrong:.2f}); {taken}")
