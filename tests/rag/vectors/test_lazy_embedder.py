"""The thread that owns the models, and an embedder that is opened in it when it is first needed."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

from rag.errors import EmbedderBusy, EmbedderFailed, WeightsMissing
from rag.ports import TextEmbedder, Vector
from rag.vectors.lazy_embedder import LazyEmbedder
from rag.vectors.priority_thread import PriorityThread, Urgency
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.encoder import FakeEncoder


@pytest.fixture
def thread() -> Iterator[PriorityThread]:
    opened = PriorityThread("test")
    yield opened
    opened.close()


def test_questions_run_before_batches_that_wait(thread: PriorityThread) -> None:
    order: list[str] = []
    busy, release = threading.Event(), threading.Event()

    def block() -> None:
        busy.set()
        assert release.wait(30)

    thread.submit(Urgency.BATCH, block)
    assert busy.wait(30)
    batch = thread.submit(Urgency.BATCH, lambda: order.append("batch"))
    thread.submit(Urgency.QUESTION, lambda: order.append("question"))
    release.set()
    batch.result(30)
    assert order == ["question", "batch"]


def test_run_raises_the_error_of_the_call(thread: PriorityThread) -> None:
    with pytest.raises(ZeroDivisionError):
        thread.run(Urgency.BATCH, lambda: 1 // 0)
    assert thread.run(Urgency.BATCH, lambda: 2) == 2


class Opening:
    """Opens an embedder, or raises `error`; counts the attempts."""

    def __init__(self) -> None:
        self.error: Exception | None = WeightsMissing("The weights are not here.", "magpie models pull")
        self.attempts = 0

    def __call__(self) -> FakeEmbedder:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        return FakeEmbedder()


def test_unavailable_embedder_is_tried_again_after_its_delay(thread: PriorityThread) -> None:
    opening = Opening()
    embedder = LazyEmbedder(thread, opening, retry_delay=1000)
    assert opening.attempts == 0
    assert [embedder.identity(), embedder.identity()] == [None, None]
    assert opening.attempts == 1
    assert (embedder.off, embedder.fix) == ("The weights are not here", "magpie models pull")
    with pytest.raises(EmbedderFailed, match="not open"):
        embedder.require()
    opening.error = None
    assert embedder.identity(at_once=True) == FakeEmbedder.identity
    assert embedder.known_identity == FakeEmbedder.identity
    assert embedder.off == ""


def test_without_a_delay_it_is_tried_each_time(thread: PriorityThread) -> None:
    opening = Opening()
    embedder = LazyEmbedder(thread, opening)
    assert [embedder.identity(), embedder.identity()] == [None, None]
    assert opening.attempts == 2


def test_query_that_fails_turns_the_embedder_off(thread: PriorityThread) -> None:
    texts = FakeTextEmbedder()
    embedder = LazyEmbedder(thread, lambda: texts)
    assert embedder.identity() == "fake-text-1"
    texts.breaks = EmbedderBusy("It is busy.", "again")

    with pytest.raises(EmbedderBusy):
        embedder.embed_query(embed)
    assert (embedder.known_identity, embedder.off) == (None, "It is busy")


def test_only_an_opened_embedder_that_can_move_is_moved(thread: PriorityThread) -> None:
    encoder = FakeEncoder()
    embedder = LazyEmbedder(thread, lambda: encoder)
    embedder.move_off_gpu()
    assert encoder.moves == []
    embedder.identity()
    embedder.move_off_gpu()
    embedder.move_to_gpu()
    assert encoder.moves == ["leave", "back"]
    fixed = LazyEmbedder(thread, FakeEmbedder)
    fixed.identity()
    fixed.move_off_gpu()


def test_embedder_that_another_thread_turned_off_fails_the_query_with_a_reason() -> None:
    thread = PriorityThread("test")
    embedder = LazyEmbedder(thread, FakeEmbedder)
    assert embedder.identity() == FakeEmbedder.identity
    embedder.turn_off(EmbedderBusy("It is busy."))
    with pytest.raises(EmbedderFailed, match="It is busy"):
        embedder.embed_query(lambda opened: opened.embed_texts(["quay"]))
    thread.close()


class Loading:
    """Opens a new embedder each time, of which weak references are kept."""

    def __init__(self) -> None:
        self.opened: list[weakref.ref[FakeTextEmbedder]] = []
        self.identity = "fake-text-1"
        self.error: Exception | None = None

    def __call__(self) -> FakeTextEmbedder:
        if self.error is not None:
            raise self.error
        embedder = FakeTextEmbedder(self.identity)
        self.opened.append(weakref.ref(embedder))
        return embedder


def embed(embedder: TextEmbedder) -> list[Vector]:
    return embedder.embed_queries(["gate"])


def test_unused_embedder_leaves_the_memory_and_is_loaded_by_the_next_query(thread: PriorityThread) -> None:
    loading = Loading()
    embedder = LazyEmbedder(thread, loading, unload_after=0)
    assert embedder.identity() == "fake-text-1"
    before = embedder.embed_query(embed)
    embedder.unload_unused()
    assert [one() for one in loading.opened] == [None]
    assert (embedder.identity(), embedder.off, len(loading.opened)) == ("fake-text-1", "", 1)
    np.testing.assert_array_equal(embedder.embed_query(embed), before)
    assert embedder.run(lambda opened: opened.identity) == "fake-text-1"
    assert len(loading.opened) == 2


def test_embedder_that_is_used_stays(thread: PriorityThread) -> None:
    loading = Loading()
    embedder = LazyEmbedder(thread, loading, unload_after=1000)
    embedder.unload_unused()
    assert loading.opened == []
    embedder.identity()
    embedder.unload_unused()
    assert loading.opened[0]() is not None


def test_embedder_that_cannot_be_loaded_again_is_off(thread: PriorityThread) -> None:
    loading = Loading()
    embedder = LazyEmbedder(thread, loading, retry_delay=1000, unload_after=0)
    embedder.identity()
    embedder.unload_unused()
    loading.error = WeightsMissing("The weights are not here.", "magpie models pull")
    with pytest.raises(EmbedderFailed, match="The weights are not here") as raised:
        embedder.embed_query(embed)
    assert raised.value.hint == "magpie models pull"
    assert (embedder.identity(), embedder.fix) == (None, "magpie models pull")
    loading.error = None
    assert embedder.identity(at_once=True) == "fake-text-1"
    assert len(embedder.embed_query(embed)) == 1


def test_vectors_of_another_embedder_than_before_are_not_used(thread: PriorityThread) -> None:
    loading = Loading()
    embedder = LazyEmbedder(thread, loading, unload_after=0)
    embedder.identity()
    embedder.unload_unused()
    loading.identity = "fake-text-2"
    with pytest.raises(EmbedderFailed, match="another one"):
        embedder.embed_query(embed)
    assert embedder.identity(at_once=True) == "fake-text-2"


def test_weights_leave_the_gpu_before_they_are_unloaded(thread: PriorityThread) -> None:
    encoder = FakeEncoder()
    embedder = LazyEmbedder(thread, lambda: encoder, unload_after=0)
    embedder.identity()
    embedder.unload_unused()
    assert encoder.moves == ["leave"]
