"""Group short texts that say nearly the same, such as questions of different people."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rag.analysis.content import content_tokens, language_of

_SHARED = 0.5
"""Part of all words of two texts that both must have to be in one group."""


def group_similar(texts: Sequence[str]) -> list[list[int]]:
    """Return the positions of texts with mostly the same content words, the largest group first.

    A text joins the group whose first text is most similar to it, whatever the order and forms of its words.
    """
    tokens = [frozenset(content_tokens(text, language_of(text))) or frozenset([text.casefold()]) for text in texts]
    groups: list[list[int]] = []
    with_token: dict[str, list[int]] = defaultdict(list)
    for position, own in enumerate(tokens):
        shared = Counter(group for token in own for group in with_token[token])
        scores = {group: count / len(own | tokens[groups[group][0]]) for group, count in shared.items()}
        best = max(scores, key=lambda group: (scores[group], -group), default=-1)
        if best >= 0 and scores[best] >= _SHARED:
            groups[best].append(position)
            continue
        for token in own:
            with_token[token].append(len(groups))
        groups.append([position])
    return sorted(groups, key=len, reverse=True)
