"""CLIP leaves the card while an answer is written, and what waits is embedded when it is back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import Scope, Settings, open_rag
from rag.errors import EmbedderFailed, GeneratorFailed
from rag.ports import Ability, Pieces, Prompt, Vector
from rag.vectors.gpu_sharing import Offload, Place, SharingGenerator
from tests.support.encoder import FakeEncoder
from tests.support.reader import TextReader
from tests.support.store import FakeStore

NO_ROOM = EmbedderFailed("There is no room for CLIP: out of memory.", "Free some memory.")


class Card:
    """What moves, and whether it can."""

    def __init__(self) -> None:
        self.moves: list[str] = []
        self.notices: list[str] = []
        self.times: list[tuple[str, float]] = []
        self.full = self.stuck = False
        self.offload = Offload(self._leave, self._back, self.notices.append, lambda *told: self.times.append(told))

    def place(self) -> Place:
        return self.offload.place

    def _leave(self) -> None:
        assert self.offload.place is Place.LEAVING
        if self.stuck:
            raise NO_ROOM
        self.moves.append("leave")

    def _back(self) -> None:
        assert self.offload.place is Place.RETURNING
        if self.full:
            raise NO_ROOM
        self.moves.append("back")


def test_one_answer_after_another() -> None:
    card = Card()
    for _ in range(2):
        card.offload.lend()
        assert card.place() is Place.AWAY
        card.offload.take_back()
        assert card.place() is Place.HERE
    assert card.moves == ["leave", "back"] * 2
    assert [to for to, seconds in card.times if seconds >= 0] == ["memory", "card"] * 2


def test_answers_at_the_same_time_move_it_once() -> None:
    card = Card()
    for _ in range(3):
        card.offload.lend()
    for _ in range(2):
        card.offload.take_back()
        assert card.offload.place is Place.AWAY
    card.offload.take_back()
    assert card.moves == ["leave", "back"]


def test_what_cannot_leave_stays_and_the_answer_goes_on() -> None:
    card = Card()
    card.stuck = True
    card.offload.lend()
    assert card.offload.place is Place.HERE
    assert "no room" in card.notices[0]
    card.offload.take_back()
    assert card.moves == []


def test_what_finds_no_room_stays_away_rests_and_comes_back_later() -> None:
    card = Card()
    card.full = True
    card.offload.lend()
    card.offload.take_back()
    assert card.offload.place is Place.AWAY
    assert not card.offload.wait_here()
    assert len(card.notices) == 1  # it rests: not asked again at each look
    card.full = False
    card.offload.lend()
    card.offload.take_back()
    assert card.offload.wait_here()
    assert card.moves == ["leave", "back"]


def test_who_needs_it_here_waits_for_the_answer() -> None:
    card = Card()
    card.offload.lend()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(card.offload.wait_here)
        assert not waiting.done()
        card.offload.take_back()
        assert waiting.result(30)


@given(st.lists(st.sampled_from(["lend", "take_back", "wait", "full", "stuck"]), max_size=40))
def test_it_is_never_away_for_long_nor_here_while_it_could_have_left(steps: Sequence[str]) -> None:
    card, answers = Card(), 0
    for step in steps:
        if step == "lend":
            card.offload.lend()
            answers += 1
        elif step == "take_back" and answers:
            card.offload.take_back()
            answers -= 1
        elif step == "wait" and not answers:
            card.offload.wait_here()
        elif step in ("full", "stuck"):
            setattr(card, step, not getattr(card, step))
        assert card.offload.place in (Place.HERE, Place.AWAY)
        assert len(card.moves) % 2 == (card.offload.place is Place.AWAY)
        assert card.moves == ["leave", "back"] * (len(card.moves) // 2) + ["leave"] * (len(card.moves) % 2)
    card.full = card.stuck = False
    for _ in range(answers):
        card.offload.take_back()
    card.offload.lend()
    assert card.place() is Place.AWAY
    card.offload.take_back()
    assert card.place() is Place.HERE


def test_many_threads_leave_it_here_at_the_end() -> None:
    card = Card()

    def answer() -> None:
        for _ in range(50):
            card.offload.lend()
            assert card.offload.place is Place.AWAY
            card.offload.take_back()

    def look() -> None:
        for _ in range(50):
            card.offload.wait_here()

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(answer) for _ in range(4)] + [pool.submit(look) for _ in range(2)]:
            future.result(30)
    assert card.offload.wait_here()
    assert card.moves == ["leave", "back"] * (len(card.moves) // 2)


class Writing:
    """Satisfies ports.Generator; notes where CLIP is when each piece is written."""

    def __init__(self, encoder: FakeEncoder, breaks: bool = False) -> None:
        self.encoder = encoder
        self.breaks = breaks
        self.away: list[bool] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def ability(self) -> Ability:
        return Ability("fake", vision=False)

    def stream(self, prompt: Prompt) -> Pieces:
        def pieces() -> object:
            self.begun.set()
            assert self.go_on.wait(30)
            self.away.append(self.encoder.away)
            yield "The gate opens at dawn "
            if self.breaks:
                raise GeneratorFailed("It broke off.", "again")
            self.away.append(self.encoder.away)
            yield "[1]."

        made: Pieces = pieces()  # type: ignore[assignment]
        return made

    def close(self) -> None:
        pass


@pytest.mark.parametrize("breaks", [False, True])
def test_while_rag_answers_the_card_is_the_generators(tmp_path: Path, breaks: bool) -> None:
    encoder = FakeEncoder()
    generator = Writing(encoder, breaks)
    page = tmp_path / "gate.pdf"
    page.write_text("The gate opens at dawn and the lock closes at dusk.")
    settings = Settings(data=tmp_path / "data", embed={"offload": True})
    with open_rag(settings, reader=TextReader, embedder=encoder, store=FakeStore(), generator=generator) as rag:
        rag.index([page])
        rag.ask("When does the gate open?", Scope.operator())
        assert all(generator.away)
        assert generator.away
        assert encoder.moves == ["leave", "back"]
        rag.ask("xylophone quartet?", Scope.operator())  # nothing found: nobody writes, and nothing moves
        assert encoder.moves == ["leave", "back"]


def test_what_is_shared_meanwhile_is_embedded_after_the_answer(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    generator = Writing(encoder)
    generator.go_on.clear()
    pages = [tmp_path / "gate.pdf", tmp_path / "tide.pdf"]
    for path in pages:
        path.write_text(f"The {path.stem} opens at dawn and the lock closes at dusk.")
    settings = Settings(data=tmp_path / "data", embed={"offload": True})
    seen: list[bool] = []

    class Noting(FakeEncoder):
        def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
            seen.append(encoder.away)
            return super().embed_texts(texts)

    encoder.embed_texts = Noting().embed_texts  # type: ignore[method-assign]
    with (
        open_rag(settings, reader=TextReader, embedder=encoder, store=FakeStore(), generator=generator) as rag,
        ThreadPoolExecutor(2) as pool,
    ):
        rag.index(pages[:1])
        asked = pool.submit(rag.ask, "When does the gate open?", Scope.operator())
        assert generator.begun.wait(30)
        seen.clear()
        indexed = pool.submit(rag.index, pages[1:])
        while rag.status().chunks < 4:
            pass
        assert not seen
        assert rag.find("tide dusk", Scope.operator()).hits  # a question is embedded where the weights are
        assert seen == [True]
        generator.go_on.set()
        asked.result(30)
        indexed.result(30)
        assert seen[1:] == [False]
        assert rag.status().waiting_for_vectors == 0


def test_an_answer_that_is_not_wanted_any_more_gives_the_card_back_once() -> None:
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
