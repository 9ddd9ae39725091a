"""The text embedder that is used, and a change to another one.

The choice is recorded in the catalog and kept until the operator sets another model: an embedder that is away for a
while turns its lane off, and no other one is tried in its place. Another model gets its vectors beside the old ones,
which answer until the new ones are complete and are deleted then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from time import monotonic
from typing import TypeVar

from rag.catalog import vectors
from rag.catalog.text_indexes import (
    TextIndexRow,
    TextIndexState,
    choose_text_index,
    delete_retired_vectors,
    finish_text_index,
    forget_retired,
    list_text_indexes,
)
from rag.errors import Busy, EmbedderFailed, MagpieError, OperatorMustAct, TryAgain
from rag.model.operations import TextModel
from rag.ports import TextEmbedder, TextModels, Vector
from rag.vectors.indexes import TextIndex
from rag.vectors.indexing import TextIndexer
from rag.vectors.lazy_embedder import RETRY_DELAY, LazyEmbedder
from rag.vectors.priority_thread import Urgency
from rag.vectors.sync import VectorStoreSync

_T = TypeVar("_T")
log = logging.getLogger("magpie")

AUTO = "auto"

_SET_ONE = "set MAGPIE_TEXT__MODEL to auto, or to a model such as ollama:embeddinggemma"

_DELETED_AT_ONCE = 2000
"""Chunks whose old vectors are deleted in one transaction. Other writers wait for it."""


class TextIndexes:
    """The index of the text embedder in use, and of the one that is to replace it. A background stage."""

    def __init__(self, sync: VectorStoreSync, models: TextModels, setting: str, unload_after: float = inf) -> None:
        """`setting`: the setting `text.model`, a model's name, `auto`, or empty for no text vectors. `unload_after`:
        seconds without use after which a model leaves the memory."""
        self._sync = sync
        self._models = models
        self._setting = setting
        self._unload_after = unload_after
        self._opened: dict[str, TextIndex] = {}
        self._opening = threading.Lock()
        self._found = ""
        self._next_look = float("-inf")
        self._missing: MagpieError | None = None

    # ------------------------------------------------------------ the choice

    def _rows(self) -> tuple[TextIndexRow | None, TextIndexRow | None]:
        """Return the embedder whose vectors answer questions, and the one that is to replace it."""
        with self._sync.catalog.read_transaction() as connection:
            rows = list_text_indexes(connection)
        return next(iter(rows[TextIndexState.SERVING]), None), next(iter(rows[TextIndexState.BUILDING]), None)

    def _wanted(self, *, at_once: bool = False) -> str:
        """Return the name of the chosen model; empty if there is none. `auto` keeps what was chosen last."""
        if self._setting != AUTO:
            return self._setting
        serving, building = self._rows()
        recorded = building or serving
        return recorded.model if recorded is not None else self._find(at_once=at_once)

    def _find(self, *, at_once: bool) -> str:
        """Look for a model, not more often than the retry delay unless `at_once`."""
        if not self._found and (at_once or monotonic() >= self._next_look):
            try:
                self._found, self._missing = self._models.find(), None
            except (OperatorMustAct, TryAgain) as error:
                self._missing, self._next_look = error, monotonic() + RETRY_DELAY
        return self._found

    def _index(self, model: str) -> TextIndex:
        with self._opening:  # two indexes of one model would load it twice
            if model not in self._opened:
                embedder = LazyEmbedder[TextEmbedder](
                    self._sync.thread, lambda: self._models.open(model), RETRY_DELAY, self._unload_after
                )
                self._opened[model] = TextIndex(model, embedder, self._sync)
            return self._opened[model]

    def _serving(self, *, at_once: bool = False) -> TextIndex | None:
        """Return the index whose vectors answer questions, or None while its model is away or was replaced."""
        row = self._rows()[0]
        if row is None:
            return None
        index = self._index(row.model)
        return index if index.identity(at_once=at_once) == row.identity else None

    def _chosen(self, *, at_once: bool = False) -> TextIndex | None:
        """Return the index of the chosen model, open or not; None without one."""
        model = self._wanted(at_once=at_once)
        return self._index(model) if model else None

    def answering(self, *, at_once: bool = False) -> TextIndex | None:
        """Return the index that answers questions now, or None with `off` set.

        If the serving vectors cannot be used, because their model is away, the ones that are to replace them answer.
        """
        if not self._setting:
            return None
        serving = self._serving(at_once=at_once)
        if serving is not None:
            return serving
        chosen = self._chosen(at_once=at_once)
        return chosen if chosen is not None and chosen.identity(at_once=at_once) is not None else None

    def describe(self) -> TextModel | None:
        """Return the chosen model, the one that it replaces, and how far; None without one."""
        model = self._wanted() if self._setting else ""
        if not model:
            return None
        serving, building = self._rows()
        is_recorded = any(row is not None and row.model == model for row in (serving, building))
        replaces = serving.model if serving is not None and serving.model != model else ""
        waiting = self.count_waiting() if replaces else 0
        return TextModel(model, self._setting != AUTO, is_recorded, replaces, waiting)

    def pull(self, report: Callable[[str], None]) -> Path | None:
        """Download the model that the setting names, or for `auto` the default one if none was chosen yet.

        Return its folder, or None if nothing was downloaded. Raise OperatorMustAct if it cannot be downloaded.
        """
        chosen = self.describe()
        if chosen is not None and not chosen.is_set:
            report(f"No text embedder was downloaded: {chosen}.")
            return None
        return self._models.pull(report)

    # ------------------------------------------------------------ as one index

    @property
    def off(self) -> str:
        """Return why no index answers, or an empty string."""
        return self._reason()[0]

    @property
    def fix(self) -> str:
        """Return what to do to turn it on."""
        return self._reason()[1]

    def _reason(self) -> tuple[str, str]:
        if not self._setting:
            return (
                "no text embedder is set",
                "set MAGPIE_TEXT__MODEL to auto, or to a model such as ollama:embeddinggemma",
            )
        chosen = self._chosen()
        if chosen is not None:
            return chosen.off, chosen.fix
        return ("", "") if self._missing is None else (str(self._missing).rstrip("."), self._missing.hint)

    def identity(self, *, at_once: bool = False) -> str | None:
        """Return the identity of the embedder that answers questions, or None with `off` set."""
        index = self.answering(at_once=at_once)
        return None if index is None else index.identity()

    def _require(self) -> TextIndex:
        index = self.answering()
        if index is None:
            raise EmbedderFailed(f"The text embedder is off: {self.off}.", self.fix)
        return index

    def using(self, call: Callable[[TextEmbedder], _T]) -> _T:
        """Return the result of `call` with the embedder that answers questions."""
        return self._require().using(call)

    def embed_query(self, text: str) -> list[Vector]:
        """Return the vectors of a question. Raise EmbedderFailed while it is off, or the embedder's error."""
        return self._require().embed_query(text)

    def probe(self) -> bool:
        """Search a sample of the stored vectors for themselves; return whether all come back."""
        index = self.answering()
        return index is None or index.probe()

    # ------------------------------------------------------------ indexing (the owner alone)

    def identities(self) -> list[str]:
        """Return the embedders whose vectors are kept, whether they are available or not."""
        return [row.identity for row in self._rows() if row is not None]

    def _active(self) -> list[TextIndex]:
        """Return the indexes that get vectors of new chunks: the serving one first, and the one that replaces it."""
        if not self._setting:
            return []
        indexes = [self._serving(), self._chosen()]
        return list(dict.fromkeys(index for index in indexes if index is not None))

    def unload_unused(self) -> None:
        """Take models out of memory that were not used for a while."""
        with self._opening:
            opened = list(self._opened.values())
        for index in opened:
            index.unload_unused()

    def targets(self) -> list[vectors.EmbeddingTarget]:
        """Return what waits for vectors. Nothing does while no model is found."""
        serving, building = self._rows()
        recorded = {row.model: row.identity for row in (serving, building) if row is not None}
        return [
            vectors.EmbeddingTarget(index.identity() or recorded.get(index.model), TextIndexer.kinds)
            for index in self._active()
        ]

    def count_waiting(self) -> int:
        """Return how many chunks have no vector of the chosen model, or of the one that it replaces."""
        with self._sync.catalog.read_transaction() as connection:
            return vectors.count_unembedded(connection, targets) if (targets := self.targets()) else 0

    def process_batch(self, stop: threading.Event) -> int:
        """Embed the next batch, or delete some vectors of a replaced model; return the number of chunks or vectors."""
        if not self._setting or stop.is_set():
            return 0
        self._record()
        done = sum(index.process_batch(stop) for index in self._active())
        if done or stop.is_set():
            return done
        self._finish()
        return self._delete_retired()

    def is_settled(self) -> bool:
        """Return whether nothing waits for vectors; true while the models are away."""
        return all(index.is_settled() for index in self._active())

    def _record(self) -> None:
        """Record the chosen model, once its identity is known."""
        chosen = self._chosen()
        identity = None if chosen is None else chosen.identity()
        if chosen is None or identity is None:
            return
        serving, building = self._rows()
        current = building or serving
        if current is not None and (current.identity, current.model) == (identity, chosen.model):
            return
        with self._sync.catalog.write_transaction() as connection:
            choose_text_index(connection, identity, chosen.model)
        if serving is not None and serving.identity != identity:
            log.info("All texts are embedded again, by %s. Until then %s is used.", chosen.model, serving.model)

    def _finish(self) -> None:
        """Let the new model answer if it has all its vectors. It was just seen that no chunk waits for it."""
        building = self._rows()[1]
        if building is None or self._index(building.model).identity() != building.identity:
            return
        with self._sync.catalog.write_transaction() as connection:
            is_finished = finish_text_index(connection, TextIndexer.kinds)
        if is_finished:
            log.info("The vectors of %s are complete and used from now on.", building.model)
            with self._opening:  # the other model's weights leave the memory
                self._opened = {name: index for name, index in self._opened.items() if name == building.model}

    def _delete_retired(self) -> int:
        """Delete a batch of the vectors of a replaced model: from the catalog, then its part of the store."""
        with self._sync.catalog.read_transaction() as connection:
            retired = next(iter(list_text_indexes(connection)[TextIndexState.RETIRED]), None)
        if retired is None:
            return 0
        with self._sync.catalog.write_transaction() as connection:
            deleted = delete_retired_vectors(connection, retired.identity, _DELETED_AT_ONCE)
        if deleted:
            return deleted
        try:
            self._sync.thread.run(Urgency.BATCH, lambda: self._sync.drop(retired.identity))
        except Busy:
            log.info("The vector store is busy: the vectors of a replaced model are deleted later.")
            return 0
        with self._sync.catalog.write_transaction() as connection:
            forget_retired(connection, retired.identity)
        self._sync.catalog.give_back_space()
        self._sync.catalog.checkpoint()
        return 1
