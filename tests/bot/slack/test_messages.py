"""Texts that are put together from parts."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.slack.messages import limit_texts
from rag.model.search import FileType
from rag.search.limits import QueryLimits

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 11, 25)


def moment(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (QueryLimits(), ""),
        (
            QueryLimits(("<@U1>",), ("C1",), since=moment(2026, 11, 23), types=frozenset({FileType.PDF})),
            "Understood as: posted by Ada, in #ops, since 23 Nov, PDF",
        ),
        (QueryLimits(("me", "Ben")), "Understood as: posted by you or Ben"),
        (QueryLimits(channels=("here", "C1")), "Understood as: here or in #ops"),
        (
            QueryLimits(since=moment(2026, 11, 16), before=moment(2026, 11, 23)),
            "Understood as: from 16 Nov to 22 Nov",
        ),
        (QueryLimits(since=moment(2026, 10, 25), before=moment(2026, 10, 26)), "Understood as: on 25 Oct"),
        (QueryLimits(before=moment(2025, 11, 20)), "Understood as: before 20 Nov 2025"),
        (QueryLimits(since=moment(2026, 11, 24, 10, 30)), "Understood as: since 24 Nov, 10:30"),
        (
            QueryLimits(since=moment(2026, 11, 23), before=moment(2026, 11, 1)),
            "Understood as: since 23 Nov, before 1 Nov",
        ),
        (QueryLimits(types=frozenset({FileType.SLIDES, FileType.PDF})), "Understood as: PDF or slides"),
    ],
)
def test_limits_are_described(limits: QueryLimits, text: str) -> None:
    assert limit_texts.understood_limits(limits, {"<@U1>": "Ada", "C1": "#ops"}, TODAY) == text


def test_every_file_type_has_a_label() -> None:
    for file_type in FileType:
        limits = QueryLimits(types=frozenset({file_type}))
        assert limit_texts.understood_limits(limits, {}, TODAY) != "Understood as: "


@pytest.mark.parametrize("operator", ["from", "in", "since", "after", "before", "on", "type"])
def test_an_unknown_value_is_named_with_a_remedy(operator: str) -> None:
    text = limit_texts.unknown_limit(operator, "foo")
    assert "“foo”" in text
    assert text.count(". ") >= 1
