"""Batching: requests of many clients are encoded together, and failures stay with their own request."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rag.errors import EmbedderBusy, EmbedderFailed, Unreadable
from rag.model.extraction import Modality
from rag.model_server.batcher import SMALL, Batcher, BatchLimits
from rag.ports import Vector
from tests.support.encoder import FakeEncoder


class RecordingWatch:
    """Implements ports.Watch and records what it observes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.prepares = 0

    def prepared(self, _: Modality, seconds: float) -> None:
        assert seconds >= 0
        self.prepares += 1

    def encoded(self, _: Modality, count: int, seconds: float) -> None:
        assert seconds >= 0
        self.sizes.append(count)


Opened = Callable[..., tuple[FakeEncoder, Batcher]]


@pytest.fixture
def opened() -> Iterator[Opened]:
    made: list[tuple[FakeEncoder, Batcher]] = []

    def open_one(queue: int = 100, wait_ms: float = 5, pictures: int = 32) -> tuple[FakeEncoder, Batcher]:
        encoder = FakeEncoder()
        made.append((encoder, Batcher(encoder, BatchLimits(pictures, 128, queue, wait_ms / 1000, 2), RecordingWatch())))
        return made[-1]

    yield open_one
    for encoder, batcher in made:
        encoder.open.set()
        batcher.close()


def png(grey: int = 10) -> bytes:
    written = io.BytesIO()
    Image.new("L", (16, 16), grey).save(written, "PNG")
    return written.getvalue()


def blocked(encoder: FakeEncoder, batcher: Batcher) -> list[Future[Vector]]:
    """Block the encoding thread inside a batch until `encoder.open` is set."""
    encoder.open.clear()
    busy = batcher.submit_texts(["first"])
    assert encoder.entered.acquire(timeout=30)
    return busy


def test_cancelled_request_does_not_end_the_encoding_thread(opened: Opened) -> None:
    encoder, batcher = opened()
    busy = blocked(encoder, batcher)
    cancelled = [*batcher.submit_texts(["second"]), *batcher.submit_pictures([png()])]
    between = batcher.run_between_batches(lambda: None)
    assert all(future.cancel() for future in cancelled)
    assert between.cancel()
    encoder.open.set()
    assert len(wait(busy, timeout=30).done) == 1
    [last] = batcher.submit_texts(["third"])
    assert last.result(30) is not None


def test_requests_of_all_clients_share_full_batches(opened: Opened) -> None:
    encoder, batcher = opened(queue=200)
    waiting = blocked(encoder, batcher)
    for _ in range(10):
        waiting += batcher.submit_pictures([png()] * 9)
    for _ in range(5):
        waiting += batcher.submit_texts(["some words"] * 30)
    encoder.open.set()
    assert not wait(waiting, 30).not_done
    assert encoder.batches == [("texts", 1), ("pictures", 32), ("pictures", 32), ("pictures", 26), *_texts(150)]


def _texts(count: int) -> list[tuple[str, int]]:
    return [("texts", min(128, count - start)) for start in range(0, count, 128)]


def test_small_batch_waits_only_milliseconds_for_more(opened: Opened) -> None:
    encoder, batcher = opened(wait_ms=200)
    made = [*batcher.submit_pictures([png(10)]), *batcher.submit_pictures([png(20), png(30)])]
    assert not wait(made, 30).not_done
    assert encoder.batches == [("pictures", 3)]  # together, although the batch was not full


def test_vectors_are_in_the_order_of_the_items(opened: Opened) -> None:
    encoder, batcher = opened()
    greys = list(range(0, 250, 3))
    made = batcher.submit_pictures([png(grey) for grey in greys])
    expected = encoder.encode_pictures([encoder.prepare_picture(png(grey)) for grey in greys])
    assert np.array_equal(np.array([one.result(30) for one in made]), np.array(expected))


def test_question_goes_before_indexing(opened: Opened) -> None:
    encoder, batcher = opened()
    blocked(encoder, batcher)
    indexing = batcher.submit_pictures([png()] * 40)
    question = batcher.submit_texts(["which port?"])
    encoder.open.set()
    question[0].result(30)
    wait(indexing, 30)
    assert encoder.batches[:2] == [("texts", 1), ("texts", 1)]


def test_damaged_picture_does_not_affect_others(opened: Opened) -> None:
    _, batcher = opened()
    made = batcher.submit_pictures([png(), b"nothing", png(), b""])
    for number, future in enumerate(made):
        if number % 2:
            with pytest.raises(Unreadable):
                future.result(30)
        else:
            assert future.result(30).shape == (64,)


def test_full_queue_still_accepts_questions(opened: Opened) -> None:
    encoder, batcher = opened(queue=50)
    blocked(encoder, batcher)
    first = batcher.submit_pictures([png()] * 45)
    with pytest.raises(EmbedderBusy):
        batcher.submit_pictures([png()] * (SMALL + 1))
    question = batcher.submit_pictures([png()] * SMALL)
    assert batcher.queue_sizes() == {Modality.PICTURE: 45 + SMALL, Modality.TEXT: 0}

    def ask_without_end() -> None:
        for _ in range(20):
            batcher.submit_pictures([png()] * SMALL)

    with pytest.raises(EmbedderBusy):
        ask_without_end()
    encoder.open.set()
    assert not wait([*first, *question], 30).not_done
    assert batcher.submit_pictures([png()] * 60)[59].result(30).shape == (64,)  # larger than the queue, which is empty


def test_failed_batch_fails_only_its_own_requests(opened: Opened) -> None:
    encoder, batcher = opened()
    encoder.breaks = EmbedderFailed("The embedder stopped: out of memory", "less")
    for future in batcher.submit_texts(["a", "b"]):
        with pytest.raises(EmbedderFailed):
            future.result(30)
    assert not batcher.is_healthy()
    encoder.breaks = None
    assert batcher.submit_texts(["c"])[0].result(30).shape == (64,)
    assert batcher.is_healthy()


def test_moves_run_between_batches_and_indexing_waits(opened: Opened) -> None:
    encoder, batcher = opened()
    waiting = blocked(encoder, batcher)
    moved = batcher.run_between_batches(encoder.offload)
    batcher.set_urgent_only(True)
    indexing = batcher.submit_texts(["words"] * 100)
    assert not moved.done()
    encoder.open.set()
    moved.result(30)
    assert batcher.submit_texts(["a question"])[0].result(30).shape == (64,)
    assert not any(future.done() for future in indexing)
    batcher.set_urgent_only(False)
    assert not wait([*waiting, *indexing], 30).not_done
    assert encoder.batches == [("texts", 1), ("texts", 1), ("texts", 100)]


def test_close_answers_everything_in_the_queue(opened: Opened) -> None:
    encoder, batcher = opened()
    blocked(encoder, batcher)
    made = batcher.submit_texts(["words"] * 300)
    encoder.open.set()
    batcher.close()
    assert all(future.done() for future in made)
    with pytest.raises(EmbedderBusy):
        batcher.submit_texts(["more"])


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 70)), max_size=12))
def test_everything_accepted_is_answered_in_batches_within_the_limit(requests: list[tuple[bool, int]]) -> None:
    encoder, watch = FakeEncoder(), RecordingWatch()
    batcher = Batcher(encoder, BatchLimits(16, 24, 10_000, 0.001, 2), watch)
    made: list[Future[Vector]] = []
    for pictures, count in requests:
        made += batcher.submit_pictures([png()] * count) if pictures else batcher.submit_texts(["words"] * count)
    batcher.close()
    assert all(future.result(0).shape == (64,) for future in made)
    assert sum(size for _, size in encoder.batches) == len(made) == sum(watch.sizes)
    assert all(0 < size <= (16 if what == "pictures" else 24) for what, size in encoder.batches)
