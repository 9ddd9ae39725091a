"""Recognize questions for a list of everything: "list all invoices". Pure."""

from __future__ import annotations

import re

from rag.text import fold

_ASKING = (
    r"(?:list|show|name|give|find|tell|enumerate)\b.*\b(?:all|every|each)",
    r"(?:liste|nenne?|zeige?|zahle|finde|gib)\b.*\balle",
    r"(?:liste[rz]?|enumere[rz]?|montre[rz]?|cite[rz]?|donne[rz]?)\b.*\btou(?:s|tes)",
    r"(?:lista|enumera|muestra(?:me)?|nombra|dame)\b.*\btod[oa]s",
    r"(?:elenca(?:mi)?|mostra(?:mi)?|dammi)\b.*\btutt[ie]",
    r"(?:liste|enumere|mostre|mostra)\b.*\btod[oa]s",
    r"(?:noem|toon|geef|som)\b.*\balle",
    r"(?:wypisz|wymien|pokaz|podaj)\b.*\bwszystkie",
    r"(?:перечисли|покажи|назови|дай)\b.*\bвсе",
)
_IN_ENGLISH = r"(?:what|which|who)\s+are\s+all"
_LISTS = re.compile(rf"^\W*(?:please\s+|can you\s+|could you\s+)?(?:{'|'.join((*_ASKING, _IN_ENGLISH))})\b")
_SPACELESS = (
    (("列出", "列举", "列舉"), ("所有", "全部", "每")),
    (("一覧", "列挙", "リスト", "挙げ"), ("すべて", "全て", "全部")),
)
"""Chinese and Japanese words for listing, and for all."""

_MAX_CHARS = 300


def asks_for_list(question: str) -> bool:
    """Return whether a question asks for all of something, of which an answer from a few pages may be a part."""
    start = question[:_MAX_CHARS]
    if _LISTS.search(fold(start)):
        return True
    return any(all(any(word in start for word in words) for words in both) for both in _SPACELESS)
