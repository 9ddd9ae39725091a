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
        ("MAGPIE_EMBED__DEVCE", "cpu", r"no setting MAGPIE_EMBED__DEVCE\. Did you mean MAGPIE_EMBED__DEVICE\?"),
        ("MAGPIE_ZZZZ", "1", r"no setting MAGPIE_ZZZZ\.$"),
        ("MAGPIE_READ__WORKERS", "lots", 'MAGPIE_READ__WORKERS must be a whole number, got "lots"'),
        ("MAGPIE_SEARCH__RRF_K", "0", 'MAGPIE_SEARCH__RRF_K must be at least 1, got "0"'),
        ("MAGPIE_SEARCH__LANES", "words,smell", "MAGPIE_SEARCH__LANES is invalid: unknown lane 'smell'"),
        ("MAGPIE_READ__OCR", "perhaps", 'MAGPIE_READ__OCR must be true or false, got "perhaps"'),
        ("MAGPIE_STORE__LAYOUT", "triple", "MAGPIE_STORE__LAYOUT must be '.+' or '.+', got \"triple\""),
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
