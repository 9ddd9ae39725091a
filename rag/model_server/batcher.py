"""Pictures and texts of many requests, encoded together.

Whatever comes is prepared at once, in threads; one thread encodes. It takes the first that wait, up to a full batch:
when there is less, it waits a few milliseconds from the arrival of the oldest. Small requests, which are somebody's
question, go before large ones, which are indexing.
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
from rag.model import Modality
from rag.ports import Encoder, Prepared, Vector, Watch

_T = TypeVar("_T")

SMALL = 8
"""Pictures or texts of a request that counts as a question; it goes first, and is taken when the queue is full."""

_TEXTS_PER_PICTURE = 4
"""How many times more texts than pictures may wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`pictures` and `texts` a batch, `queue` pictures that may wait, `wait` seconds for a batch to fill up."""

    pictures: int
    texts: int
    queue: int
    wait: float
    threads: int


@dataclass(order=True, slots=True)
class _Waiting:
    urgency: int
    number: int
    arrived: float = field(compare=False)
    prepared: Callable[[], Prepared] = field(compare=False)
    result: Future[Vector] = field(compare=False)


class _Pile:
    """What waits of one modality, the most urgent first."""

    def __init__(self, modality: Modality, batch: int, most: int) -> None:
        self.modality = modality
        self.batch = batch
        self.most = most
        self.waiting: list[_Waiting] = []

    @property
    def head(self) -> _Waiting:
        return self.waiting[0]

    def take(self) -> list[_Waiting]:
        return [heapq.heappop(self.waiting) for _ in range(min(self.batch, len(self.waiting)))]


class Batcher:
    """One encoder for many callers. Close it: what waits then is still answered."""

    def __init__(self, encoder: Encoder, limits: Limits, watch: Watch) -> None:
        self._encoder = encoder
        self._limits = limits
        self._watch = watch
        self._pictures = _Pile(Modality.PICTURE, limits.pictures, limits.queue)
        self._texts = _Pile(Modality.TEXT, limits.texts, limits.queue * _TEXTS_PER_PICTURE)
        self._errands: list[Callable[[], None]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._held = self._closing = self._failed = False
        self._decoding = ThreadPoolExecutor(limits.threads, thread_name_prefix="decode")
        # A question's words, or its picture, do not wait behind the pictures of an index.
        self._quick = ThreadPoolExecutor(2, thread_name_prefix="quick")
        self._thread = threading.Thread(target=self._run, name="encode")
        self._thread.start()

    # ------------------------------------------------------------ what comes

    def pictures(self, pictures: Sequence[bytes]) -> list[Future[Vector]]:
        """A vector for each, later; Unreadable for one that is refused. Raise EmbedderBusy when too many wait."""
        pool = self._quick if len(pictures) <= SMALL else self._decoding

        def submit(picture: bytes) -> Callable[[], Prepared]:
            return pool.submit(self._timed, Modality.PICTURE, partial(self._encoder.prepare_picture, picture)).result

        return self._put(self._pictures, len(pictures), lambda: [submit(picture) for picture in pictures])

    def texts(self, texts: Sequence[str]) -> list[Future[Vector]]:
        """A vector for each, later. Raise EmbedderBusy when too many wait."""

        def submit() -> list[Callable[[], Prepared]]:
            whole = self._quick.submit(self._timed, Modality.TEXT, partial(self._encoder.prepare_texts, texts))
            return [partial(_nth, whole, number) for number in range(len(texts))]

        return self._put(self._texts, len(texts), submit)

    def windows(self, texts: Sequence[str]) -> Future[list[list[str]]]:
        return self._quick.submit(self._encoder.windows_of, texts)

    def _timed(self, modality: Modality, call: Callable[[], _T]) -> _T:
        started = perf_counter()
        try:
            return call()
        finally:
            self._watch.prepared(modality, perf_counter() - started)

    def _put(self, pile: _Pile, count: int, submit: Callable[[], list[Callable[[], Prepared]]]) -> list[Future[Vector]]:
        small = count <= SMALL
        with self._changed:
            if self._closing:
                raise EmbedderBusy("The GPU host is ending.", "It is tried again by itself.")
            # A request larger than the whole queue is taken by an empty one: it would never fit otherwise.
            if pile.waiting and not small and len(pile.waiting) + count > pile.most:
                raise EmbedderBusy("Too much waits at the GPU host already.", "It is tried again by itself.")
            if len(pile.waiting) > 2 * pile.most:
                raise EmbedderBusy("Too many questions wait at the GPU host.", "It is tried again by itself.")
            results: list[Future[Vector]] = [Future() for _ in range(count)]
            now = monotonic()
            for prepared, result in zip(submit(), results, strict=True):
                heapq.heappush(pile.waiting, _Waiting(int(not small), next(self._numbers), now, prepared, result))
            self._changed.notify_all()
        return results

    def well(self) -> bool:
        """Whether the last batch was encoded; an error of a card is one until its process ends."""
        return not self._failed

    def waiting(self) -> dict[Modality, int]:
        with self._changed:
            return {pile.modality: len(pile.waiting) for pile in (self._pictures, self._texts)}

    # ------------------------------------------------------------ the card

    def between(self, call: Callable[[], None]) -> Future[None]:
        """Run `call` in the thread that encodes, between two batches, before what waits."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                call()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who waits for it
                done.set_exception(error)
            else:
                done.set_result(None)

        with self._changed:
            self._errands.append(run)
            self._changed.notify_all()
        return done

    def hold(self, held: bool) -> None:
        """While held, only small requests are encoded: the weights lie where it takes long."""
        with self._changed:
            self._held = held
            self._changed.notify_all()

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._changed:
            self._closing, self._held = True, False
            self._changed.notify_all()
        self._thread.join()
        self._decoding.shutdown()
        self._quick.shutdown()

    # ------------------------------------------------------------ the thread that encodes

    def _run(self) -> None:
        while (work := self._next()) is not None:
            work()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while True:
                if self._errands:
                    return self._errands.pop(0)
                piles = [pile for pile in (self._pictures, self._texts) if pile.waiting]
                if self._held:
                    piles = [pile for pile in piles if not pile.head.urgency]
                if piles:
                    pile = min(piles, key=lambda pile: (pile.head.urgency, pile.head.number))
                    patience = pile.head.arrived + self._limits.wait - monotonic()
                    if len(pile.waiting) >= pile.batch or patience <= 0 or self._closing:
                        return partial(self._encode, pile.modality, self._taken(pile))
                    self._changed.wait(patience)
                elif self._closing:
                    return None
                else:
                    self._changed.wait()

    def _taken(self, pile: _Pile) -> list[_Waiting]:
        if not self._held:
            return pile.take()
        few = sum(not one.urgency for one in pile.waiting)
        return [heapq.heappop(pile.waiting) for _ in range(min(few, pile.batch))]

    def _encode(self, modality: Modality, batch: Sequence[_Waiting]) -> None:
        whole: list[tuple[_Waiting, Prepared]] = []
        for one in batch:
            try:
                whole.append((one, one.prepared()))
            except Exception as error:  # noqa: BLE001 - one picture's, handed to whoever sent it
                one.result.set_exception(error)
        if not whole:
            return
        encode = self._encoder.encode_pictures if modality is Modality.PICTURE else self._encoder.encode_texts
        started = perf_counter()
        try:
            vectors = encode([prepared for _, prepared in whole])
        except Exception as error:  # noqa: BLE001 - handed to everybody in the batch
            self._failed = True
            for one, _ in whole:
                one.result.set_exception(error)
            return
        self._failed = False
        self._watch.encoded(modality, len(whole), perf_counter() - started)
        for (one, _), vector in zip(whole, vectors, strict=True):
            one.result.set_result(vector)


def _nth(whole: Future[list[Prepared]], number: int) -> Prepared:
    return whole.result()[number]
