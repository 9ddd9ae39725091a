"""The word that marks where quoted text begins and ends in a prompt."""

from __future__ import annotations

import hashlib


def make_fence(*quoted: str) -> str:
    """Return 8 hex digits that none of the quoted texts contains, so that no text can close its own fence.

    The same texts give the same fence: an identical prompt can be served from the model's cache.
    """
    joined = "\0".join(quoted)
    fence = hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()[:8]
    while fence in joined:
        fence = hashlib.sha256(fence.encode()).hexdigest()[:8]
    return fence
