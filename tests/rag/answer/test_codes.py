"""What has to be copied exactly is found whole, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from rag.answer.codes import find_codes
from rag.answer.numbers import normalize_text


def found(text: str) -> list[tuple[str, str]]:
    return [(code.kind, code.written) for code in find_codes(normalize_text(text))]


@pytest.mark.parametrize(
    ("text", "kind", "written"),
    [
        ("See https://quay.example/a/b?c=1.", "url", "https://quay.example/a/b?c=1"),
        ("(www.quay.example)", "url", "www.quay.example"),
        ("Ask ada@quay.example.", "e-mail", "ada@quay.example"),
        ("It is in /etc/quay/lamp.conf.", "path", "/etc/quay/lamp.conf"),
        ("It is in ~/.cache/quay,", "path", "~/.cache/quay"),
        (r"C:\Quay\lamp.ini", "path", r"C:\Quay\lamp.ini"),
        ("Add --no-device now", "option", "--no-device"),
        ("`-v` says more", "option", "-v"),
        ("Open lamp_list.csv.", "file", "lamp_list.csv"),
        ("Set shutdown.killall!", "word", "shutdown.killall"),
        ("Call lamp_on() first", "word", "lamp_on()"),
        ("The KX-200 burns", "identifier", "KX-200"),
        ("Fehler E207 heißt", "identifier", "E207"),
        ("型番はKP-210です", "identifier", "KP-210"),
        ("注文はorder@suido.exampleまで", "e-mail", "order@suido.example"),
    ],
)
def test_code_is_found(text: str, kind: str, written: str) -> None:
    assert found(text) == [(kind, written)]


@pytest.mark.parametrize(
    "text",
    [
        "It lasts 40m, 3-year, 10/12 or 4x.",
        "e.g. this and/or that",
        "Well-known - and long--ish.",
        "At 9.30 p.m. of 5.5.",
    ],
)
def test_other_text_is_no_code(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("KX-200", "kx200"), ("https://www.quay.example/", "quay.example"), ("~/lamp/on", "/lamp/on/")],
)
def test_spellings_have_one_key(one: str, other: str) -> None:
    [first] = find_codes(one)
    keys = {first.key} | ({code.key for code in find_codes(other)} or {other})
    assert len(keys) == 1


def test_path_may_be_named_by_its_end() -> None:
    [path] = find_codes("/srv/quay/lamps.csv")
    assert {"/quay/lamps.csv", "/lamps.csv"} <= path.keys
    assert path.name is not None
    assert (path.name.kind, path.name.key) == ("file", "lamps.csv")
