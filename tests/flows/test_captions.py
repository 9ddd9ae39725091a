"""Captions are written after extraction, found by words, and shown as text of the model, not of the document."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rag import Mode, Rag, Scope, Settings
from rag.errors import GeneratorDown, GeneratorFailed, ModelUnfit
from rag.model.extraction import Kind
from rag.ports import Generator
from tests.support.absent import NoEmbedder
from tests.support.captioner import FakeCaptioner, FigureExtractor
from tests.support.generator import FakeGenerator
from tests.support.migrated import open_rag

EVERYTHING = Scope.operator()
QUESTION = "What does the zeppelin fly over?"


def opened(tmp_path: Path, captioner: FakeCaptioner | None, generator: Generator | None = None) -> Rag:
    settings = Settings(
        data=tmp_path / "data",
        answer={"model": "", "correct": False},
        read={"workers": 1},
        search={"min_confidence": 0},
    )
    return open_rag(
        settings, extractor=FigureExtractor, embedder=NoEmbedder(), captioner=captioner, generator=generator
    )


def index(rag: Rag, tmp_path: Path, *pages: str) -> None:
    path = tmp_path / "report.txt"
    path.write_text("\f".join(pages))
    assert rag.index([path])[0].state in ("new", "unchanged", "known")


def all_captions(rag: Rag) -> list[str]:
    return [hit.generated_caption for hit in rag.find("zeppelin", EVERYTHING).hits]


def test_picture_is_found_by_its_caption(tmp_path: Path) -> None:
    with opened(tmp_path, FakeCaptioner()) as rag:
        index(rag, tmp_path, "Words of the minutes", "Other words\n~green")
        assert rag.status().waiting_for_captions == 0
        (hit,) = rag.find("zeppelin", EVERYTHING).hits
        assert (hit.page, hit.kind, hit.text, hit.caption) == (2, Kind.FIGURE, "", "")
        assert (hit.generated_caption, hit.caption_model) == (
            "A drawing of a green zeppelin over 77 houses.",
            "fake-sees:1b",
        )
        assert rag.find("zeppelin", Scope.of("C1")).hits == ()
        assert {one.name: one.count for one in rag.list_stored_data()}["captions"] == 1


def test_text_only_model_gets_the_caption_and_its_author(tmp_path: Path) -> None:
    text_only = FakeGenerator(vision=False, text="It flies over 77 houses [1]. It has 3 crew [1].")
    with opened(tmp_path, FakeCaptioner(), text_only) as rag:
        index(rag, tmp_path, "Other words\n~green")
        made = rag.ask(QUESTION, EVERYTHING)
    written = "Caption written by fake-sees:1b, which is not the document's: A drawing of a green zeppelin"
    assert written in text_only.prompts[0].user
    assert made.mode is Mode.TEXT
    assert made.text == ("It flies over 77 houses [1] (from a caption written by fake-sees:1b).")


def test_multimodal_model_gets_the_picture_instead(tmp_path: Path) -> None:
    multimodal = FakeGenerator(text="It is green [1].")
    with opened(tmp_path, FakeCaptioner(), multimodal) as rag:
        index(rag, tmp_path, "Other words\n~green")
        rag.ask(QUESTION, EVERYTHING)
    assert len(multimodal.prompts[0].pictures) == 1
    assert "Caption written by" not in multimodal.prompts[0].user


def test_caption_is_quoted_as_a_caption_without_a_model(tmp_path: Path) -> None:
    with opened(tmp_path, FakeCaptioner()) as rag:
        index(rag, tmp_path, "Other words\n~green")
        text = rag.ask(QUESTION, EVERYTHING).text
    assert text == (
        "[1] report.txt, figure on p. 1 (printed p1)\n"
        "(a figure; caption written by fake-sees:1b: “A drawing of a green zeppelin over 77 houses.”)"
    )


def test_captions_are_off_by_default(tmp_path: Path) -> None:
    with opened(tmp_path, None) as rag:
        index(rag, tmp_path, "Other words\n~green")
        assert rag.status().waiting_for_captions == 0
        assert rag.find("zeppelin", EVERYTHING).hits == ()
        (check,) = [one for one in rag.doctor() if one.name == "captions"]
        assert (check.status, check.fix) == ("off", "")


@pytest.mark.parametrize("error", [GeneratorFailed("It cannot be read.", "Again."), ModelUnfit("Too long.", "Other.")])
def test_rejected_picture_does_not_block_the_others(tmp_path: Path, error: Exception) -> None:
    captioner = FakeCaptioner(fails={"red": error})
    with opened(tmp_path, captioner) as rag:
        index(rag, tmp_path, "One\n~red", "Two\n~green", "Three\n~blue")
        assert sorted(all_captions(rag)) == [
            "A drawing of a blue zeppelin over 77 houses.",
            "A drawing of a green zeppelin over 77 houses.",
        ]
        assert rag.status().waiting_for_captions == 0
        attempts = captioner.asked.count("red")
        rag.index([tmp_path / "report.txt"])
        assert captioner.asked.count("red") == attempts == 2, "not retried after two attempts"


def test_captions_wait_while_the_model_is_unavailable(tmp_path: Path) -> None:
    away = FakeCaptioner(broken=GeneratorDown("Ollama does not answer.", "ollama serve"))
    with opened(tmp_path, away) as rag:
        index(rag, tmp_path, "One\n~red", "Two\n~green")
        assert rag.status().waiting_for_captions == 2
        assert away.asked == ["red"], "not retried at once"
        (check,) = [one for one in rag.doctor() if one.name == "captions"]
        assert (check.status, check.fix) == ("warn", "ollama serve")
    with opened(tmp_path, FakeCaptioner()) as rag:
        rag.index([tmp_path / "report.txt"])
        assert len(all_captions(rag)) == 2
        (check,) = [one for one in rag.doctor() if one.name == "captions"]
        assert check.status == "ok"
        assert "by fake-sees:1b; of a square: 'A drawing of a black zeppelin" in check.detail


def test_interruption_loses_one_caption(tmp_path: Path) -> None:
    killed = FakeCaptioner(fails={"blue": KeyboardInterrupt()})
    with opened(tmp_path, killed) as rag, pytest.raises(KeyboardInterrupt):
        index(rag, tmp_path, "One\n~red", "Two\n~blue", "Three\n~green")
    assert killed.asked == ["red", "blue"]
    after = FakeCaptioner()
    with opened(tmp_path, after) as rag:
        rag.index([tmp_path / "report.txt"])
        assert after.asked == ["blue", "green"]
        assert len(all_captions(rag)) == 3


def test_captions_are_rewritten_by_another_model(tmp_path: Path) -> None:
    with opened(tmp_path, FakeCaptioner()) as rag:
        index(rag, tmp_path, "One\n~red")
    other = FakeCaptioner(identity="other:2b", says={"red": "A red balloon."})
    with opened(tmp_path, other) as rag:
        rag.index([tmp_path / "report.txt"])
        (hit,) = rag.find("balloon", EVERYTHING).hits
        assert (hit.generated_caption, hit.caption_model) == ("A red balloon.", "other:2b")
        assert rag.find("zeppelin", EVERYTHING).hits == ()


def test_captions_are_written_in_the_background_until_stopped(tmp_path: Path) -> None:
    with opened(tmp_path, None) as rag:
        index(rag, tmp_path, "One\n~red", "Two\n~green")
    stop = threading.Event()

    class Slow(FakeCaptioner):
        def caption(self, picture: bytes, stop_: threading.Event) -> str:
            text = super().caption(picture, stop_)
            if len(self.asked) == 2:
                stop.set()
            return text

    slow = Slow()
    with opened(tmp_path, slow) as rag:
        rag.serve(stop)
        assert slow.asked == ["red", "green"]
        assert len(all_captions(rag)) == 2


def test_captions_are_deleted_with_their_document(tmp_path: Path) -> None:
    with opened(tmp_path, FakeCaptioner()) as rag:
        index(rag, tmp_path, "One\n~red")
        rag.forget(["report.txt"])
        assert {one.name: one.count for one in rag.list_stored_data()}["captions"] == 0
        assert rag.find("zeppelin", EVERYTHING).hits == ()
