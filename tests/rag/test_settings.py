"""Settings come from the environment; wrong ones are named with a remedy."""

from pathlib import Path

import pytest

from rag import BadSetting, load_settings
from rag.settings import RENAMED, RENAMED_VALUES, setting_descriptions, variable, with_new_names


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*setting_descriptions(), *RENAMED]:
        monkeypatch.delenv(variable(name), raising=False)


def test_environment_sets_one_value_and_keeps_other_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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
def test_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting, match=said) as raised:
        load_settings()
    assert raised.value.hint


def test_every_setting_has_a_description() -> None:
    assert all(setting_descriptions().values())
    assert variable("embed.device") == "MAGPIE_EMBED__DEVICE"


@pytest.mark.parametrize(
    ("old", "value", "new", "read"),
    [
        ("MAGPIE_SEARCH__TRICKS", "form, ratios", "MAGPIE_SEARCH__QUERY_FEATURES", ("form", "glossary")),
        ("MAGPIE_SEARCH__SURE", "0.25", "MAGPIE_SEARCH__MIN_CONFIDENCE", 0.25),
        ("MAGPIE_EMBED__TWIN_FLOOR", "0.5", "MAGPIE_EMBED__DUPLICATE_THRESHOLD", 0.5),
    ],
)
def test_old_name_of_a_setting_is_read_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, old: str, value: str, new: str, read: object
) -> None:
    monkeypatch.setenv(old, value)
    settings = load_settings()
    group, _, key = new.removeprefix("MAGPIE_").lower().partition("__")
    assert getattr(getattr(settings, group), key) == read
    assert f"{old} is now called {new}" in caplog.text


def test_new_name_of_a_setting_wins_over_its_old_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAGPIE_SEARCH__SURE", "0.25")
    monkeypatch.setenv("MAGPIE_SEARCH__MIN_CONFIDENCE", "0.5")
    assert load_settings().search.min_confidence == 0.5
    assert "MAGPIE_SEARCH__SURE is now called MAGPIE_SEARCH__MIN_CONFIDENCE." in caplog.text
    assert "MAGPIE_SEARCH__SURE is ignored: unset it" in caplog.text


def test_bounds_of_a_renamed_setting_are_reported_by_its_new_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGPIE_SEARCH__SURE", "7")
    with pytest.raises(BadSetting, match="MAGPIE_SEARCH__MIN_CONFIDENCE must be at most") as raised:
        load_settings()
    assert "MAGPIE_SEARCH__MIN_CONFIDENCE" in raised.value.hint


def test_renamed_settings_exist_and_their_old_names_do_not() -> None:
    assert set(RENAMED.values()) | set(RENAMED_VALUES) <= set(setting_descriptions())
    assert not set(RENAMED) & set(setting_descriptions())


def test_any_table_of_renames_can_be_applied() -> None:
    variables = {"MAGPIE_KEEP__DAYS": "3", "MAGPIE_WEB__KINDS": "a, b,c", "PATH": "x"}
    renamed, warnings = with_new_names(
        variables, {"keep.days": "retention.days", "gone.by": "web.kinds"}, {"web.kinds": {"b": "second", "z": "last"}}
    )
    assert renamed == {"MAGPIE_RETENTION__DAYS": "3", "MAGPIE_WEB__KINDS": "a,second,c", "PATH": "x"}
    assert len(warnings) == 2
    assert variables["MAGPIE_KEEP__DAYS"] == "3"
    assert with_new_names(renamed, {"keep.days": "retention.days"}, {}) == (renamed, [])
