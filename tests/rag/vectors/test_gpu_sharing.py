"""CLIP leaves the GPU while an answer is written, and waiting chunks are embedded when it is back."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Scope, Settings
from rag.errors import EmbedderFailed, GeneratorFailed
from rag.ports import ModelInfo, Prompt, TokenStream, Vector
from rag.vectors.gpu_sharing import GpuState, Offload, SharingGenerator
from tests.support.encoder import FakeEncoder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.store import FakeStore

GPU_FULL = EmbedderFailed("The GPU has no memory left for CLIP.", "Free some memory.")

NEVER = threading.Event()


class Card:
    """Records CLIP's moves. `full`: CLIP cannot return; `stuck`: it cannot leave."""

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.notices: list[str] = []
        self.times: list[tuple[str, float]] = []
        self.full = self.stuck = False
        self.offload = Offload(self._leave, self._back, self.notices.append, lambda *told: self.times.append(told))

    def state(self) -> GpuState:
        return self.offload.state

    def _leave(self) -> None:
        assert self.offload.state is GpuState.LEAVING
        if self.stuck:
            raise GPU_FULL
        self.moves.append("leave")

    def _back(self) -> None:
        assert self.offload.state is GpuState.RETURNING
        if self.full:
            raise GPU_FULL
        self.moves.append("back")


def test_moves_away_and_back_for_each_answer() -> None:
    card = Card()
    for _ in range(2):
        card.offload.acquire()
        assert card.state() is GpuState.OFF_GPU
        card.offload.release()
        assert card.state() is GpuState.ON_GPU
    assert card.moves == ["leave", "back"] * 2
    assert [to for to, seconds in card.times if seconds >= 0] == ["memory", "card"] * 2


def test_concurrent_answers_move_clip_once() -> None:
    card = Card()
    for _ in range(3):
        card.offload.acquire()
    for _ in range(2):
        card.offload.release()
        assert card.offload.state is GpuState.OFF_GPU
    card.offload.release()
    assert card.moves == ["leave", "back"]


def test_stays_when_it_cannot_leave() -> None:
    card = Card()
    card.stuck = True
    card.offload.acquire()
    assert card.offload.state is GpuState.ON_GPU
    assert "no memory left" in card.notices[0]
    card.offload.release()
    assert card.moves == []


def test_stays_away_while_the_gpu_is_full_and_returns_later() -> None:
    card = Card()
    card.full = True
    card.offload.acquire()
    card.offload.release()
    assert card.offload.state is GpuState.OFF_GPU
    assert not card.offload.wait_for_gpu(NEVER)
    assert len(card.notices) == 1  # no second attempt before the retry delay is over
    card.full = False
    card.offload.acquire()
    card.offload.release()
    assert card.offload.wait_for_gpu(NEVER)
    assert card.moves == ["leave", "back"]


def test_wait_for_gpu_waits_for_the_answer() -> None:
    card = Card()
    card.offload.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(card.offload.wait_for_gpu, NEVER)
        assert not waiting.done()
        card.offload.release()
        assert waiting.result(30)


def test_wait_for_gpu_ends_when_it_is_stopped() -> None:
    card, stop = Card(), threading.Event()
    card.offload.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(card.offload.wait_for_gpu, stop)
        stop.set()
        assert not waiting.result(30)
        card.offload.release()


@given(st.lists(st.sampled_from(["lend", "take_back", "wait", "full", "stuck"]), max_size=40))
def test_state_follows_the_answers_in_any_order_of_calls(steps: Sequence[str]) -> None:
    card, answers = Card(), 0
    for step in steps:
        if step == "lend":
            card.offload.acquire()
            answers += 1
        elif step == "take_back" and answers:
            card.offload.release()
            answers -= 1
        elif step == "wait" and not answers:
            card.offload.wait_for_gpu(NEVER)
        elif step in ("full", "stuck"):
            setattr(card, step, not getattr(card, step))
        assert card.offload.state in (GpuState.ON_GPU, GpuState.OFF_GPU)
        assert len(card.moves) % 2 == (card.offload.state is GpuState.OFF_GPU)
        assert card.moves == ["leave", "back"] * (len(card.moves) // 2) + ["leave"] * (len(card.moves) % 2)
    card.full = card.stuck = False
    for _ in range(answers):
        card.offload.release()
    card.offload.acquire()
    assert card.state() is GpuState.OFF_GPU
    card.offload.release()
    assert card.state() is GpuState.ON_GPU


def test_is_on_the_gpu_after_many_threads_answered() -> None:
    card = Card()

    def answer() -> None:
        for _ in range(50):
            card.offload.acquire()
            assert card.offload.state is GpuState.OFF_GPU
            card.offload.release()

    def look() -> None:
        for _ in range(50):
            card.offload.wait_for_gpu(NEVER)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(answer) for _ in range(4)] + [pool.submit(look) for _ in range(2)]:
            future.result(30)
    assert card.offload.wait_for_gpu(NEVER)
    assert card.moves == ["leave", "back"] * (len(card.moves) // 2)


class NotingEncoder(FakeEncoder):
    """Records whether it is away each time it embeds texts."""

    def __init__(self) -> None:
        super().__init__()
        self.was_away: list[bool] = []

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        self.was_away.append(self.away)
        return super().embed_texts(texts)


class Writing:
    """A Generator that records whether CLIP is away when each piece is written."""

    def __init__(self, encoder: FakeEncoder, breaks: bool = False) -> None:
        self.encoder = encoder
        self.breaks = breaks
        self.away: list[bool] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def model_info(self) -> ModelInfo:
        return ModelInfo("fake", vision=False)

    def stream(self, prompt: Prompt) -> TokenStream:
        def pieces() -> Generator[str]:
            self.begun.set()
            assert self.go_on.wait(30)
            self.away.append(self.encoder.away)
            yield "The gate opens at dawn "
            if self.breaks:
                raise GeneratorFailed("It broke off.", "again")
            self.away.append(self.encoder.away)
            yield "[1]."

        return pieces()

    def close(self) -> None:
        pass


@pytest.mark.parametrize("breaks", [False, True])
def test_generator_has_the_gpu_while_it_answers(tmp_path: Path, breaks: bool) -> None:
    encoder = FakeEncoder()
    generator = Writing(encoder, breaks)
    page = tmp_path / "gate.pdf"
    page.write_text("The gate opens at dawn and the lock closes at dusk.")
    settings = Settings(data=tmp_path / "data", embed={"offload": True})
    with open_rag(settings, extractor=TextExtractor, embedder=encoder, store=FakeStore(), generator=generator) as rag:
        rag.index([page])
        rag.ask("When does the gate open?", Scope.operator())
        assert all(generator.away)
        assert generator.away
        assert encoder.moves == ["leave", "back"]
        rag.ask("xylophone quartet?", Scope.operator())  # nothing is found, so nothing is written or moved
        assert encoder.moves == ["leave", "back"]


def test_embeds_new_files_after_the_answer(tmp_path: Path) -> None:
    encoder = NotingEncoder()
    generator = Writing(encoder)
    generator.go_on.clear()
    pages = [tmp_path / "gate.pdf", tmp_path / "tide.pdf"]
    for path in pages:
        path.write_text(f"The {path.stem} opens at dawn and the lock closes at dusk.")
    settings = Settings(data=tmp_path / "data", embed={"offload": True})
    with (
        open_rag(settings, extractor=TextExtractor, embedder=encoder, store=FakeStore(), generator=generator) as rag,
        ThreadPoolExecutor(2) as pool,
    ):
        rag.index(pages[:1])
        asked = pool.submit(rag.ask, "When does the gate open?", Scope.operator())
        assert generator.begun.wait(30)
        encoder.was_away.clear()
        indexed = pool.submit(rag.index, pages[1:])
        while rag.status().chunks < 4:
            pass
        assert not encoder.was_away
        assert rag.find("tide dusk", Scope.operator()).hits  # a question is embedded off the GPU
        assert encoder.was_away == [True]
        generator.go_on.set()
        asked.result(30)
        indexed.result(30)
        assert encoder.was_away[1:] == [False]
        assert rag.status().waiting_for_vectors == 0


def test_canceled_answer_releases_the_gpu_once() -> None:
    card, encoder = Card(), FakeEncoder()
    pieces = SharingGenerator(Writing(encoder), card.offload).stream(Prompt("", ""))
    assert card.moves == []
    next(pieces)
    assert card.moves == ["leave"]
    pieces.close()
    pieces.close()
    assert card.moves == ["leave", "back"]
    SharingGenerator(Writing(encoder), card.offload).stream(Prompt("", "")).close()
    assert card.moves == ["leave", "back"]
