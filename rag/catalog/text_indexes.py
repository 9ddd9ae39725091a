"""Record which text embedder the vectors in the catalog are of, and which one is about to replace it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from rag.catalog.any_of import is_none_of
from rag.catalog.tables import chunk_vector, text_index
from rag.catalog.vectors import EmbeddingTarget, count_unembedded
from rag.model.extraction import Kind


class TextIndexState(StrEnum):
    """The states of a text embedder's vectors."""

    SERVING = "serving"
    """They answer questions."""

    BUILDING = "building"
    """They replace the serving ones once every chunk has them."""

    RETIRED = "retired"
    """They are being deleted."""

    EARLIER = "earlier"
    """A version that recorded no model made them. They serve if that model is chosen, and are deleted otherwise."""


@dataclass(frozen=True, slots=True)
class TextIndexRow:
    """One text embedder: its identity, its name in the setting `text.model`, and its state."""

    identity: str
    model: str
    state: TextIndexState


def list_text_indexes(connection: Connection) -> dict[TextIndexState, list[TextIndexRow]]:
    """Return the text embedders by state. At most one is serving and one is building."""
    found: dict[TextIndexState, list[TextIndexRow]] = {state: [] for state in TextIndexState}
    for row in connection.execute(select(text_index).order_by(text_index.c.identity)):
        state = TextIndexState(row.state)
        found[state].append(TextIndexRow(row.identity, row.model, state))
    return found


def choose_text_index(connection: Connection, identity: str, model: str) -> None:
    """Record that this embedder is to answer questions: at once if none does yet, otherwise once it has all vectors.

    Vectors of all others but the serving one are to be deleted.
    """
    rows = list_text_indexes(connection)
    serving = next(iter(rows[TextIndexState.SERVING]), None)
    takes_over = serving is None or serving.identity == identity
    mine = {
        "identity": identity,
        "model": model,
        "state": TextIndexState.SERVING if takes_over else TextIndexState.BUILDING,
    }
    kept = [identity] if serving is None else [identity, serving.identity]
    connection.execute(
        update(text_index).where(is_none_of(text_index.c.identity, kept)).values(state=TextIndexState.RETIRED)
    )
    connection.execute(delete(text_index).where(text_index.c.identity == identity))
    connection.execute(insert(text_index), mine)


def finish_text_index(connection: Connection, kinds: Sequence[Kind]) -> bool:
    """Let the building embedder answer questions if it has a vector of every chunk of these kinds.

    Return whether it does now; then the vectors of the one before are to be deleted.
    """
    building = next(iter(list_text_indexes(connection)[TextIndexState.BUILDING]), None)
    if building is None or count_unembedded(connection, [EmbeddingTarget(building.identity, tuple(kinds))]):
        return False
    of_state = text_index.c.state
    connection.execute(
        update(text_index).where(of_state == TextIndexState.SERVING).values(state=TextIndexState.RETIRED)
    )
    connection.execute(
        update(text_index).where(of_state == TextIndexState.BUILDING).values(state=TextIndexState.SERVING)
    )
    return True


def delete_retired_vectors(connection: Connection, identity: str, limit: int) -> int:
    """Delete a retired embedder's vectors of `limit` chunks; return how many were deleted."""
    mine = chunk_vector.c.embedder == identity
    chunks = select(select(chunk_vector.c.chunk_id).where(mine).distinct().limit(limit).subquery().c.chunk_id)
    return connection.execute(delete(chunk_vector).where(mine, chunk_vector.c.chunk_id.in_(chunks))).rowcount


def forget_retired(connection: Connection, identity: str) -> None:
    """Forget a retired embedder whose vectors were deleted everywhere."""
    connection.execute(
        delete(text_index).where(text_index.c.identity == identity, text_index.c.state == TextIndexState.RETIRED)
    )
