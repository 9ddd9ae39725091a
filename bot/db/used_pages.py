"""The pages that a reply uses, as a question's row stores them. Imports no SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsedPage:
    """A page that a reply uses.

    `number`: of the passage; 0: no passage. `shown`: the reply names or quotes the page. `name`: a short hash of the
    file's name in the reply; it shows whether the file still has that name, but does not reveal the name.
    """

    document: int
    page: int
    number: int = 0
    cited: bool = False
    shown: bool = False
    name: str = ""


def name_mark(name: str) -> str:
    """Return 32 bits of a name's hash: enough to notice that the name changed, too few to reveal it."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
