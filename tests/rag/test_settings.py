"""Settings come from the environment; wrong ones are named with a remedy."""

from pathlib import Path

import pytest

from rag import BadSetting, effective_settings, load_settings
from rag.setting_names import RENAMED, RENAMED_VALUES, variable, with_new_names
from rag.settings import setting_descriptions


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
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
        ("MAGPIE_EMBED_DEVICE", "cpu", r"Did you mean MAGPIE_EMBED__DEVICE\?"),
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


def test_query_feature_that_is_gone_is_ignored_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAGPIE_SEARCH__QUERY_FEATURES", "form, names, blend")
    assert load_settings().search.query_features == ("form", "blend")
    assert "'names' in MAGPIE_SEARCH__QUERY_FEATURES does nothing any more: remove it." in caplog.text


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


# ---------------------------------------------------------------- unknown names


def test_unknown_name_far_from_any_setting_is_ignored_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAGPIE_ZZZZ", "1")
    load_settings()
    assert "MAGPIE_ZZZZ is ignored" in caplog.text


@pytest.mark.parametrize("service", ["MAGPIE", "MAGPIE_EMBEDDER", "MAGPIE_BOT_2"])
def test_variables_of_kubernetes_are_no_settings(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, service: str
) -> None:
    for name in (
        "SERVICE_HOST",
        "SERVICE_PORT",
        "SERVICE_PORT_HTTP",
        "PORT",
        "PORT_8468_TCP",
        "PORT_8468_TCP_PROTO",
        "PORT_8468_TCP_PORT",
        "PORT_8468_TCP_ADDR",
    ):
        monkeypatch.setenv(f"{service}_{name}", "tcp://10.0.0.1:8468")
    load_settings()
    assert caplog.text == ""


# ---------------------------------------------------------------- magpie.toml


def test_file_in_the_data_folder_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "magpie.toml").write_text(
        '[answer]\nmodel = "of-file"\nnum_ctx = 4096\n[search]\nlanes = ["words"]\n[slack]\nbot_token = "xoxb-1"\n'
    )
    monkeypatch.setenv("MAGPIE_ANSWER__MODEL", "of-environment")
    monkeypatch.setenv("MAGPIE_ANSWER__NUM_PREDICT", "99")
    answer = load_settings(tmp_path).answer
    assert (answer.model, answer.num_ctx, answer.num_predict) == ("of-environment", 4096, 99)
    assert load_settings(tmp_path).search.lanes == ("words",)
    monkeypatch.setenv("MAGPIE_DATA", str(tmp_path))
    assert load_settings().answer.num_ctx == 4096


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[answer", "not valid TOML"),
        ("[answer]\nmodle = 'x'", r"setting answer\.modle that does not exist\. Did you mean answer\.model\?"),
        ("[anwser]\nmodel = 'x'", r"anwser\.model that does not exist\. Did you mean answer\.model\?"),
        ("data = '/elsewhere'", "setting data that does not exist"),
        ("answer = 7", "setting answer that does not exist"),
        ("[answer]\nnum_ctx = 7", r'answer\.num_ctx in magpie\.toml must be at least 1024, got "7"'),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "magpie.toml").write_text(text)
    with pytest.raises(BadSetting, match=said) as raised:
        load_settings(tmp_path)
    assert raised.value.hint


def test_effective_settings_have_their_source_and_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "magpie.toml").write_text('[answer]\nnum_ctx = 4096\napi_key = "sk-of-the-team"\n')
    monkeypatch.setenv("MAGPIE_READ__OCR", "false")
    found = effective_settings(tmp_path)
    assert [each.name for each in found] == list(setting_descriptions())
    values = {each.name: (each.value, each.source) for each in found}
    assert values["data"] == (str(tmp_path), "option")
    assert values["answer.num_ctx"] == ("4096", "magpie.toml")
    assert values["answer.api_key"] == ("(set)", "magpie.toml")
    assert values["read.ocr"] == ("false", "environment")
    assert values["embed.token"] == ("", "default")
    assert "sk-of-the-team" not in str(found)
