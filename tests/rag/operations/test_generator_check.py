"""Whether the model that writes answers sees, finds, cites, and how fast."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from rag.errors import GeneratorDown
from rag.model.operations import Check
from rag.operations.generator_check import check_generator
from rag.setting_groups import AnswerSettings
from tests.support.generator import FakeGenerator

CODE = "KESTREL 4719"


def checked(tmp_path: Path, generator: FakeGenerator | None, **settings: object) -> Mapping[str, Check]:
    picture = tmp_path / "code.png"
    Image.new("RGB", (60, 20), "white").save(picture)
    found = check_generator(generator, AnswerSettings.model_validate(settings), picture, CODE)
    checks = {check.name: check for check in found}
    assert all(check.fix or check.status == "ok" for check in checks.values())
    return checks


def test_model_that_answers_and_cites_is_good_and_its_speed_is_reported(tmp_path: Path) -> None:
    check = checked(tmp_path, FakeGenerator(vision=False))["writing"]
    assert check.status == "ok"
    assert "tokens per second" in check.detail


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The mast is 17 metres high.", "does not cite"),
        ("The mast is 17 metres high [1].", "does not cite"),
        ("NOT FOUND", "did not find"),
        ("The mast is 71 metres high [2].", "did not find"),
    ],
)
def test_weak_model_is_named_with_its_weakness(tmp_path: Path, text: str, said: str) -> None:
    check = checked(tmp_path, FakeGenerator(vision=False, text=text))["writing"]
    assert check.status == "warn"
    assert said in check.detail


def test_model_that_does_not_stop_is_cut_and_judged_by_what_it_wrote(tmp_path: Path) -> None:
    generator = FakeGenerator(vision=False, text="So the mast is what the mast is. " * 99, longest=9)
    check = checked(tmp_path, generator)["writing"]
    assert "did not find" in check.detail
    assert 0 < generator.prompts[0].longest < 600


def test_sight_is_proved_by_the_code_word(tmp_path: Path) -> None:
    assert checked(tmp_path, FakeGenerator(text=CODE))["model"].status == "ok"
    assert "instead of" in checked(tmp_path, FakeGenerator(text="A white box."))["model"].detail


def test_setting_is_named_where_the_server_does_not_report_vision(tmp_path: Path) -> None:
    assert "MAGPIE_ANSWER__VISION=on" in checked(tmp_path, FakeGenerator(vision=False), api="openai")["model"].fix
    assert "VISION" not in checked(tmp_path, FakeGenerator(vision=False))["model"].fix


def test_failure_of_the_server_is_one_warning(tmp_path: Path) -> None:
    down = FakeGenerator(broken=GeneratorDown("Nothing answers.", "Start it."))
    assert checked(tmp_path, down) == {"model": Check("model", "warn", "Nothing answers.", "Start it.")}
    assert checked(tmp_path, None)["model"].status == "warn"
