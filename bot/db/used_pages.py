"""The pages that a reply is made of, as a question's row stores them. Imports no SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsedPage:
    """A page that a reply is made of.

    `number`: of the passage, 0 for none. `shown`: the reply names or quotes it. `name`: a short hash of the file's
    name in the reply, which tells whether the file still has that name, but not what the name was.
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
