"""The pages that a reply uses, as a question's row stores them. Imports no SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsedPage:
    """A page that a reply uses.

    `number`: of the passage; 0: no passage. `shown`: the reply names or quotes the page. `name`: a short hash of the
    file's name in the reply; it shows whether the file still has that name, but does not reveal the name. `post`: the
    message whose words, person or time the reply shows, as `post_mark` returns it; empty: none. `document` is 0 if the
    reply shows only a message, of a file that is not read yet.
    """

    document: int
    page: int
    number: int = 0
    cited: bool = False
    shown: bool = False
    name: str = ""
    post: str = ""

    @property
    def posted_in(self) -> tuple[str, str]:
        """Return (space, message) of `post`."""
        space, message, _ = self.post.split("|")
        return space, message


def post_mark(space: str, message: str, name: str, shared_by: str | None, words: str) -> str:
    """Return a message that shares a file, with a short hash of what it says about the file."""
    return f"{space}|{message}|{name_mark(chr(0).join((name, shared_by or '', words)))}"


def name_mark(name: str) -> str:
    """Return 32 bits of a name's hash: enough to notice that the name changed, too few to reveal it."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
