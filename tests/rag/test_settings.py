"""Settings come from the environment; what is wrong is named with its remedy."""

from pathlib import Path

import pytest

from rag import BadSetting, load_settings
from rag.settings import names, variable


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names():
        monkeypatch.delenv(variable(name), raising=False)


def test_the_environment_sets_one_value_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAGPIE_EMBED__DEVICE", "cpu")
    monkeypatch.setenv("MAGPIE_SEARCH__LANES", "words, clip-picture")
    settings = load_settings(tmp_path)
    assert settings.embed.device == "cpu"
    assert settings.embed.picture_batch == 32
    assert settings.search.lanes == ("words", "clip-picture")
    assert settings.data == tmp_path


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAGPIE_EMBED__DEVCE", "cpu", "no setting MAGPIE_EMBED__DEVCE"),
        ("MAGPIE_SEARCH__RRF_K", "0", r"search\.rrf_k is wrong"),
        ("MAGPIE_SEARCH__LANES", "words,smell", "unknown lane 'smell'"),
        ("MAGPIE_READ__OCR", "perhaps", r"read\.ocr is wrong"),
        ("MAGPIE_STORE__LAYOUT", "triple", r"store\.layout is wrong"),
    ],
)
def test_what_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=said) as raised:
        load_settings()
    assert raised.value.hint


def test_every_setting_says_what_it_does() -> None:
    assert all(names().values())
    assert variable("embed.device") == "MAGPIE_EMBED__DEVICE"
