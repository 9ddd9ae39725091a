"""Encode pictures and texts of many requests together, in batches.

Threads prepare each request as soon as it arrives; one thread encodes. It takes the first items in the queue, up to a
full batch. If there are fewer, it waits a few milliseconds for more, counted from the arrival of the oldest one. Small
requests (questions) go before large ones (indexing).
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic, perf_counter
from typing import TypeVar

from rag.errors import EmbedderBusy
from rag.model.extraction import Modality
from rag.ports import Encoder, EncoderObserver, Prepared, Vector

_T = TypeVar("_T")

SMALL = 8
"""Largest number of pictures or texts in a request that counts as a question. Questions go first, and are accepted
even when the queue is full."""

_TEXTS_PER_PICTURE = 4
"""How many times more texts than pictures may be queued."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """`pictures` and `texts` per batch, `queue` pictures that may be queued, `wait` seconds for a batch to fill up,
    and `threads` that prepare pictures."""

    pictures: int
    texts: int
    queue: int
    wait: float
    threads: int


@dataclass(order=True, slots=True)
class _Item:
    urgency: int
    number: int
    arrived: float = field(compare=False)
    prepared: Callable[[], Prepared] = field(compare=False)
    result: Future[Vector] = field(compare=False)


class _Queue:
    """The queued items of one modality, the most urgent first."""

    def __init__(self, modality: Modality, batch: int, capacity: int) -> None:
        self.modality = modality
        self.batch = batch
        self.capacity = capacity
        self.items: list[_Item] = []

    @property
    def head(self) -> _Item:
        return self.items[0]

    def pop_batch(self, *, urgent_only: bool) -> list[_Item]:
        ready = sum(not item.urgency for item in self.items) if urgent_only else len(self.items)
        return [heapq.heappop(self.items) for _ in range(min(self.batch, ready))]


class Batcher:
    """Shares one encoder among many callers. `close` answers everything that is still queued."""

    def __init__(self, encoder: Encoder, limits: BatchLimits, watch: EncoderObserver) -> None:
        self._encoder = encoder
        self._limits = limits
        self._watch = watch
        self._pictures = _Queue(Modality.PICTURE, limits.pictures, limits.queue)
        self._texts = _Queue(Modality.TEXT, limits.texts, limits.queue * _TEXTS_PER_PICTURE)
        self._calls: list[Callable[[], None]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._urgent_only = self._closing = self._failed = False
        self._decoding = ThreadPoolExecutor(limits.threads, thread_name_prefix="decode")
        # Questions do not queue behind the pictures of a large index.
        self._quick = ThreadPoolExecutor(2, thread_name_prefix="quick")
        self._thread = threading.Thread(target=self._run, name="encode")
        self._thread.start()

    # ------------------------------------------------------------ requests

    def submit_pictures(self, pictures: Sequence[bytes]) -> list[Future[Vector]]:
        """Return one future vector per picture; it fails with Unreadable for a picture that cannot be decoded.

        Raise EmbedderBusy when the queue is full.
        """
        pool = self._quick if len(pictures) <= SMALL else self._decoding

        def prepare(picture: bytes) -> Callable[[], Prepared]:
            return pool.submit(self._timed, Modality.PICTURE, partial(self._encoder.prepare_picture, picture)).result

        return self._enqueue(self._pictures, len(pictures), lambda: [prepare(picture) for picture in pictures])

    def submit_texts(self, texts: Sequence[str]) -> list[Future[Vector]]:
        """Return one future vector per text. Raise EmbedderBusy when the queue is full."""

        def prepare() -> list[Callable[[], Prepared]]:
            prepared = self._quick.submit(self._timed, Modality.TEXT, partial(self._encoder.prepare_texts, texts))
            return [partial(_item_of, prepared, number) for number in range(len(texts))]

        return self._enqueue(self._texts, len(texts), prepare)

    def submit_windows(self, texts: Sequence[str]) -> Future[list[list[str]]]:
        """Return the future windows of each text, as `Embedder.windows_of` cuts them."""
        return self._quick.submit(self._encoder.windows_of, texts)

    def _timed(self, modality: Modality, call: Callable[[], _T]) -> _T:
        started = perf_counter()
        try:
            return call()
        finally:
            self._watch.prepared(modality, perf_counter() - started)

    def _enqueue(
        self, queue: _Queue, count: int, prepare: Callable[[], list[Callable[[], Prepared]]]
    ) -> list[Future[Vector]]:
        small = count <= SMALL
        with self._changed:
            if self._closing:
                raise EmbedderBusy("The GPU host is stopping.", "Magpie tries again.")
            # An empty queue accepts a request larger than its capacity: it would never fit otherwise.
            if queue.items and not small and len(queue.items) + count > queue.capacity:
                raise EmbedderBusy("The GPU host's queue is full.", "Magpie tries again.")
            if len(queue.items) > 2 * queue.capacity:
                raise EmbedderBusy("The GPU host's queue is full of questions.", "Magpie tries again.")
            results: list[Future[Vector]] = [Future() for _ in range(count)]
            now = monotonic()
            for prepared, result in zip(prepare(), results, strict=True):
                heapq.heappush(queue.items, _Item(int(not small), next(self._numbers), now, prepared, result))
            self._changed.notify_all()
        return results

    def is_healthy(self) -> bool:
        """Return whether the last batch was encoded. A failed GPU stays failed until its process ends."""
        return not self._failed

    def queue_sizes(self) -> dict[Modality, int]:
        with self._changed:
            return {queue.modality: len(queue.items) for queue in (self._pictures, self._texts)}

    # ------------------------------------------------------------ the GPU

    def run_between_batches(self, call: Callable[[], None]) -> Future[None]:
        """Run `call` in the encoding thread after the current batch, before everything that is queued."""
        done: Future[None] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
                done.set_exception(error)
            else:
                done.set_result(None)

        with self._changed:
            self._calls.append(run)
            self._changed.notify_all()
        return done

    def set_urgent_only(self, urgent_only: bool) -> None:
        """Encode only questions, or everything again. While the weights are off the GPU, encoding is slow."""
        with self._changed:
            self._urgent_only = urgent_only
            self._changed.notify_all()

    def close(self) -> None:
        """Answer everything that is queued, then stop the threads."""
        with self._changed:
            self._closing, self._urgent_only = True, False
            self._changed.notify_all()
        self._thread.join()
        self._decoding.shutdown()
        self._quick.shutdown()

    # ------------------------------------------------------------ the encoding thread

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while True:
                if self._calls:
                    return self._calls.pop(0)
                queues = [queue for queue in (self._pictures, self._texts) if queue.items]
                if self._urgent_only:
                    queues = [queue for queue in queues if not queue.head.urgency]
                if queues:
                    queue = min(queues, key=lambda queue: (queue.head.urgency, queue.head.number))
                    patience = queue.head.arrived + self._limits.wait - monotonic()
                    if len(queue.items) >= queue.batch or patience <= 0 or self._closing:
                        batch = queue.pop_batch(urgent_only=self._urgent_only)
                        return partial(self._encode, queue.modality, batch)
                    self._changed.wait(patience)
                elif self._closing:
                    return None
                else:
                    self._changed.wait()

    def _encode(self, modality: Modality, batch: Sequence[_Item]) -> None:
        ready: list[tuple[_Item, Prepared]] = []
        for item in batch:
            if not item.result.set_running_or_notify_cancel():  # its caller is gone
                continue
            try:
                ready.append((item, item.prepared()))
            except Exception as error:  # noqa: BLE001 - belongs to one picture; handed to its caller
                item.result.set_exception(error)
        if not ready:
            return
        encode = self._encoder.encode_pictures if modality is Modality.PICTURE else self._encoder.encode_texts
        started = perf_counter()
        try:
            vectors = encode([prepared for _, prepared in ready])
        except Exception as error:  # noqa: BLE001 - handed to every caller in the batch
            self._failed = True
            for item, _ in ready:
                item.result.set_exception(error)
            return
        self._failed = False
        self._watch.encoded(modality, len(ready), perf_counter() - started)
        for (item, _), vector in zip(ready, vectors, strict=True):
            item.result.set_result(vector)


def _item_of(prepared: Future[list[Prepared]], number: int) -> Prepared:
    return prepared.result()[number]
