"""Limits in a question narrow its scope and are shown as they were understood."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.access.directory import Conversation, Person
from bot.access.names import Names, names_of
from bot.answers.limits import LimitedQuestion, apply_limits
from bot.slack.events import Question
from rag import Scope

ADA = Person("UADA", True, True, ("Ada Lovelace", "ada"), "Europe/Berlin")
BEN = Person("UBEN", True, True, ("Ben",), "Europe/Berlin")
OTHER_ADA = Person("UADA2", True, True, ("Ada Byron",))
OPS = Conversation("COPS", True, False, False, name="ops")
HERE = Conversation("CHERE", True, False, False, name="harbor")
NAMES = names_of([ADA, BEN, OTHER_ADA], [OPS, HERE], ZoneInfo("Europe/Berlin"))
SCOPE = Scope.of("COPS", "CHERE")
ASKED = datetime(2026, 11, 29, 0, 30, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


def limited(text: str, names: Names = NAMES) -> LimitedQuestion:
    asked = Question("CHERE", "1.0", "1.0", "UBEN", text)
    return apply_limits(asked, text, SCOPE, names, ASKED)


def test_question_without_limits_is_unchanged() -> None:
    assert limited("which port does the gateway use?") == LimitedQuestion("which port does the gateway use?", SCOPE)


def test_first_name_stands_for_everyone_called_that() -> None:
    found = limited("what does the PDF that Ada posted in #ops say about costs?")
    assert found.scope.spaces == {"COPS"}
    assert found.scope.shares.shared_by == {"UADA", "UADA2"}
    assert found.scope.shares.extensions == {"pdf"}
    assert found.remark == "Understood as: posted by Ada, in #ops, PDF"
    assert "costs" in found.text
    assert limited("the PDF that Ada Byron posted about costs").scope.shares.shared_by == {"UADA2"}


def test_mentions_are_limits_and_are_shown_as_names() -> None:
    found = limited("from:@\u2060UADA\u2060 which port does @\u2060UBEN\u2060 mean?")
    assert found.scope.shares.shared_by == {"UADA"}
    assert found.remark == "Understood as: posted by Ada Lovelace"
    assert found.text == "which port does @Ben mean?"


def test_yesterday_is_that_of_the_asker() -> None:
    """It is half past midnight in Berlin, and still the day before in UTC."""
    found = limited("what was shared here yesterday?")
    assert (found.wants_list, found.text, found.scope.spaces) == (True, "", {"CHERE"})
    berlin = ZoneInfo("Europe/Berlin")
    assert found.scope.shares.since == datetime(2026, 11, 28, tzinfo=berlin).timestamp()
    assert found.scope.shares.before == datetime(2026, 11, 29, tzinfo=berlin).timestamp()


def test_channel_outside_the_scope_is_not_known() -> None:
    found = limited("which port? in:secret")
    assert found.scope == SCOPE
    assert "I don't know a channel named “secret”" in found.remark
    mentioned = limited("which port? in:#\u2060CSECRET\u2060")
    assert mentioned.scope.spaces == frozenset()


@pytest.mark.parametrize("text", ["from:me costs", "in:here costs", "type:link costs", "before:2026-05-01 costs"])
def test_limits_only_narrow(text: str) -> None:
    found = limited(text)
    assert found.scope.spaces is not None
    assert found.scope.spaces <= (SCOPE.spaces or frozenset())
    assert found.scope.shares != SCOPE.shares or found.scope.spaces < (SCOPE.spaces or frozenset())
    assert found.text == "costs"


def test_without_names_only_mentions_are_understood() -> None:
    assert limited("the PDF that Ada posted about costs", Names(zone=UTC)).scope.shares.shared_by is None
    assert limited("from:@\u2060UADA\u2060 costs", Names(zone=UTC)).scope.shares.shared_by == {"UADA"}
