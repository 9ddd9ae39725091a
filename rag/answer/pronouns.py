"""Statements about "it" or "she": what they are about is said by the statement before, or by the question."""

from __future__ import annotations

import re

from rag.answer.names import find_full_names

_PRONOUNS = (
    "it its he she his her they their er sie es sein seine seiner ihr ihre ihrer il elle ils elles son sa ses "
    "leur leurs él ella ellos ellas su sus lui lei suo sua suoi он она оно они его её их"
).split()
_BEGINNING = re.compile(rf"\W{{0,4}}(?:{'|'.join(_PRONOUNS)})\b", re.IGNORECASE)


def with_subject(text: str, before: str, language: str) -> str:
    """Return a statement that begins with a pronoun with the first name of the text before it instead."""
    pronoun = _BEGINNING.match(text)
    if pronoun is None:
        return text
    name = next((name for _, _, name in find_full_names(before, language, title=False)), "")
    return f"{name}{text[pronoun.end() :]}" if name else text
