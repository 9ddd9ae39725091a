"""A statement is supported if its page has what it says beside the same words."""

from __future__ import annotations

import pytest

from rag.answer.grounding import Checker, GroundingSource, check_grounding
from rag.answer.numbers import normalize_text
from rag.answer.statements import split_statements
from rag.answer.units import unit_of

PAGE = (
    "The crane lifts 40 kg and is 9 m high. It is oiled on 12 March 2024; the lamp was lit on 5 May 2023.\n"
    "Run craneg --coil to wind the rope, --cut to cut it. "
    "The log is /var/log/crane/rope.log, the list /srv/crane/list.csv.\n"
    "Write to rope@quay.example about ropes and to lamp@quay.example about lamps. The gate is not locked at night. "
    "Visitors may enter the yard. Model KX-200 burns oil; model KX-300 burns gas."
)


def missing(text: str, page: str = PAGE) -> list[str]:
    checked = check_grounding(f"{text} [1]", {1: GroundingSource(page)})
    return [item for one in checked.not_found for item in one.missing]


@pytest.mark.parametrize(
    "text",
    [
        "The crane can lift 40 kg.",
        "Its height is 9 metres.",
        "On 2024-03-12 the crane is oiled.",
        "The rope is wound by --coil.",
        "The log of the crane is rope.log.",
        "For ropes, write to rope@quay.example.",
        "At night the gate is not locked.",
        "The KX200 burns oil.",
        "Visitors can enter the yard.",
        "The lists are in /crane/list.csv.",
    ],
)
def test_true_statement_is_supported(text: str) -> None:
    assert missing(text) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The crane can lift 9 kg.", "9"),
        ("The crane can lift 40 m.", "40"),
        ("The crane is oiled on 5 May 2023.", "5 May 2023"),
        ("The lamp was lit on 12 March 2024.", "12 March 2024"),
        ("The rope is wound by --spool.", "--spool"),
        ("The log is /var/log/crane/list.log.", "/var/log/crane/list.log"),
        ("About ropes, write to lamp@quay.example.", "lamp@quay.example"),
        ("The KX-300 burns oil.", "KX-300"),
        ("Set shutdown.killall for the crane.", "shutdown.killall"),
        ("At night the gate is locked.", "At night the gate is locked."),
        ("Visitors may not enter the yard.", "Visitors may not enter the yard."),
    ],
)
def test_false_statement_is_not(text: str, wrong: str) -> None:
    assert missing(text) == [wrong]


@pytest.mark.parametrize(
    ("page", "true", "false"),
    [
        (
            "Der Kran hebt 40 kg. Das Tor ist nachts nicht verschlossen.",
            "Das Tor ist nachts nicht zu.",
            "Der Kran hebt 40 m.",
        ),
        ("La grue lève 40 kg. La porte n'est pas fermée.", "La porte n'est jamais fermée.", "La porte est fermée."),
        ("Кран поднимает 40 кг. Ворота не заперты.", "Кран поднимает 40 килограмм.", "Ворота заперты ночью."),
        ("クレーンは40 kgを上げます。門は閉めません。", "クレーンは40キロを上げます。", "クレーンは40秒で上げます。"),
        ("起重机可吊40公斤。夜间不锁大门。", "起重机可吊40千克。", "夜间锁大门。"),
    ],
)
def test_other_languages(page: str, true: str, false: str) -> None:
    assert missing(true, page) == []
    assert missing(false, page) != []


def test_both_ends_of_a_range_share_their_words() -> None:
    page = "The yard is closed from 6 January 2025 to 19 January 2025 for repairs."
    assert missing("Repairs begin on 6 January 2025.", page) == []


def test_statement_in_another_language_is_checked_by_its_values_alone() -> None:
    assert missing("Sie dreht sich ohne Pause und hebt dabei Lasten.", "The crane lifts 40 kg and turns.") == []
    assert missing("Sie hebt 41 kg.", "The crane lifts 40 kg.") == ["41"]


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("40 kg", "kg"),
        ("40kilograms", "kg"),
        ("€40", "€"),
        ("40 euros", "€"),
        ("40 m/s", "m/s"),
        ("40 Stunden", "h"),
        ("40 時間", "h"),
        ("40 %", "%"),
        ("p. 40", "page"),
        ("40 cranes", ""),
        ("40", ""),
    ],
)
def test_units_have_one_form(text: str, unit: str) -> None:
    text = normalize_text(text)
    start = text.index("40")
    assert unit_of(text, start, start + 2) == unit


LOG = (
    "The boats were counted from 6 May 2024 to 9 June 2024. Old Marlow wrote the log. Ada Quill leads the crew.\n"
    "North pier\nTwo metres of water at low tide. The hut is painted every spring.\n"
    "Lamp quay\nA ladder hangs from the crane. People fish there in summer. The storm broke a mast.\n"
    "The yard is closed on Mondays. Tickets are kept for 30 days. Goods can be returned, except wet paint. "
    "The crane is older than the shed.\n"
    "| Pier | Depth (m) | Lamps |\n|---|---|---|\n| North | 2.5 | 14 |\n| South | 6.1 | 3 |"
)


@pytest.mark.parametrize(
    "text",
    [
        "From 6 May 2024 on, the boats were counted.",
        "The count of the boats ended on 9 June 2024.",
        "At the north pier the water is two metres deep at low tide.",
        "At the lamp quay there is a ladder at the crane.",
        "On Mondays the yard is not open.",
        "After 30 days, tickets are no longer kept.",
        "Wet paint cannot be returned.",
        "Older than the shed is the crane.",
        "Ada Quill is the leader of the crew.",
        "The north pier has a depth of 2.5 m.",
    ],
)
def test_statement_from_one_place_is_supported(text: str) -> None:
    assert missing(text, LOG) == []


@pytest.mark.parametrize(
    "text",
    [
        "The count of the boats began on 9 June 2024.",
        "The boats were counted until 6 May 2024.",
        "The boats were counted from 6 May 2024 to 6 May 2024.",
        "At the lamp quay the water is two metres deep at low tide.",
        "Two people fell in the storm.",
        "Wet paint can be returned.",
        "Ada Quill wrote the log.",
        "The crew is older than the log.",
        "The north pier has a depth of 6.1 m.",
        "The boats were counted on 6 June 2024.",
        "Two sailors were injured by lightning.",
    ],
)
def test_statement_put_together_from_several_places_is_not(text: str) -> None:
    assert missing(text, LOG)


@pytest.mark.parametrize(("depth", "holds"), [("2.5", True), ("6.1", False)])
@pytest.mark.parametrize("before", ["The North Pier has lamps [1]. ", ""])
def test_pronoun_means_what_was_named_before(depth: str, before: str, *, holds: bool) -> None:
    page = "North Pier has lamps and a depth of 2.5 m. South Pier has ropes and a depth of 6.1 m."
    question = "" if before else "How deep is the North Pier?"
    checker = Checker({1: GroundingSource(page)}, question=question)
    checked = checker.check_text(f"{before}Its depth is {depth} m [1].").checked[-1]
    assert checked.holds is holds
    alone = Checker({1: GroundingSource(page)}, question=question)
    for statement in split_statements(f"{before}Its depth is {depth} m [1]."):
        last = alone.check_alone(statement, "en")
    assert last.holds is holds
