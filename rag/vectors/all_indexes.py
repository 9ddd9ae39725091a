"""All vector indexes of one engine: CLIP's, and those of the text embedders."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from rag.catalog import page_tokens, vectors
from rag.ports import Generator
from rag.vectors.gpu_sharing import SharingGenerator
from rag.vectors.indexes import ClipIndex
from rag.vectors.page_images import PageImageIndex
from rag.vectors.sync import VectorStoreSync
from rag.vectors.text_indexes import TextIndexes


class VectorIndexes:
    """All vector indexes of one engine. A background stage that processes a batch of each index in turn."""

    def __init__(
        self,
        sync: VectorStoreSync,
        clip: ClipIndex,
        text: TextIndexes,
        pages: PageImageIndex | None,
        embedders: ExitStack,
    ) -> None:
        """`pages` is None if no late-interaction model is set. `embedders` closes the connections of the embedders."""
        self.sync = sync
        self.clip = clip
        self.text = text
        self.pages = pages
        self._embedders = embedders

    def close(self) -> None:
        """Wait for the last write to the store, then close it, the embedders and their thread."""
        with self._embedders:
            self.sync.close()

    def sharing(self, generator: Generator | None) -> Generator | None:
        """Return the generator. If CLIP shares the GPU with it, wrap it so that CLIP leaves the GPU while it writes."""
        offload = self.clip.offload
        return generator if generator is None or offload is None else SharingGenerator(generator, offload)

    def unload_unused(self) -> None:
        """Take out of memory what was not used for a while: models, and the copy of the vectors."""
        self.sync.cache.clear_unused()
        for index in self._all():
            index.unload_unused()

    def remove_dropped(self) -> None:
        """Remove from the store what the catalog dropped."""
        clip = self.clip.identity()
        with self.sync.catalog.read_transaction() as connection:
            pages = page_tokens.list_embedders(connection)
        self.sync.remove_dropped([*self.text.identities(), *([] if clip is None else [clip]), *pages])

    def process_batch(self, stop: threading.Event) -> int:
        """Embed the next batch of each index; return how many chunks there were, 0 when nothing is left to do."""
        return sum(index.process_batch(stop) for index in self._all())

    def count_waiting(self) -> int:
        """Return how many chunks lack a vector in at least one index."""
        with self.sync.catalog.read_transaction() as connection:
            pages = [] if self.pages is None else [self.pages.target()]
            return vectors.count_unembedded(connection, [*self.text.targets(), self.clip.target(), *pages])

    def is_settled(self) -> bool:
        """Return whether nothing waits, except for indexes that are off."""
        return all(index.is_settled() for index in self._all())

    def describe_waiting(self) -> str:
        return f"{self.count_waiting()} chunks wait for their vectors"

    def _all(self) -> list[TextIndexes | ClipIndex | PageImageIndex]:
        return [self.text, self.clip, *([] if self.pages is None else [self.pages])]
