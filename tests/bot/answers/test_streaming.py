"""What a stream gets, and when it is given up. The client is a fake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.answers.streaming import ENDS_AFTER, AnswerStream
from bot.slack.blocks import stream_text
from bot.slack.errors import RateLimited, Refused
from bot.slack.events import Question
from rag import AnswerStage, MagpieError

READING, WRITING, CHECKING = AnswerStage.READING, AnswerStage.WRITING, AnswerStage.CHECKING


@dataclass
class FakeSlack:
    """Keeps the chunks of a stream. `error`: raised by the next call."""

    calls: list[Any] = field(default_factory=list)
    error: MagpieError | None = None

    def start_stream(self, channel: str, thread: str, chunks: Sequence[Any]) -> str:
        self._take(("start", channel, thread), chunks)
        return "7.1"

    def append_stream(self, channel: str, ts: str, chunks: Sequence[Any]) -> None:
        self._take(("append", channel, ts), chunks)

    def _take(self, call: tuple[str, ...], chunks: Sequence[Any]) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append((call, list(chunks)))

    def texts(self) -> list[str]:
        chunks = [chunk for _, chunks in self.calls for chunk in chunks]
        return [chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text"]

    def statuses(self) -> dict[str, str]:
        """Return the last status of each task."""
        chunks = [chunk for _, chunks in self.calls for chunk in chunks]
        return {chunk["id"]: chunk["status"] for chunk in chunks if chunk["type"] == "task_update"}


class Fixture:
    """A stream with its fake client, what was stored, and a clock that stands still."""

    def __init__(self) -> None:
        self.slack, self.stored, self.now, self.withdrawn = FakeSlack(), list[str](), 100.0, 0
        question = Question("D1", "5.1", "5.1", "U1", "which port?")
        self.stream = AnswerStream(
            self.slack,  # type: ignore[arg-type]
            question,
            self.stored.append,
            self.withdraw,
            lambda: self.now,
        )

    def withdraw(self, ts: str | None) -> None:
        assert ts == (self.stored[-1] if self.slack.calls else None)
        self.withdrawn += 1


@pytest.fixture
def it() -> Fixture:
    return Fixture()


def test_begins_with_the_first_report_and_shows_each_stage_once(it: Fixture) -> None:
    it.stream.show(READING, "", ["a.pdf, p. 1", "b.pdf, p. 2"])
    it.stream.show(READING, "", ["a.pdf, p. 1", "b.pdf, p. 2"])
    assert it.slack.calls[0][1][0]["details"] == "Found 2 pages: a.pdf, p. 1; b.pdf, p. 2."
    assert [call for call, _ in it.slack.calls] == [("start", "D1", "5.1")]
    assert it.slack.statuses() == {"searching": "complete", "reading": "in_progress"}
    it.stream.show(WRITING, "")
    assert it.slack.statuses()["writing"] == "in_progress"
    assert it.stored == ["", "7.1"]
    assert it.stream.ts == "7.1"


def test_gets_each_text_once_and_at_most_one_a_second(it: Fixture) -> None:
    it.stream.show(WRITING, "One. ")
    it.stream.show(WRITING, "One. Two. ")
    assert it.slack.texts() == ["One. "]
    it.now += 1.0
    it.stream.show(WRITING, "One. Two. Three. ")
    assert it.slack.texts() == ["One. ", "Two. Three. "]


def test_gets_no_more_text_than_slack_accepts(it: Fixture) -> None:
    it.stream.show(WRITING, "One. ")
    it.now += 1.0
    it.stream.show(CHECKING, "One. " + "x" * 12_000)
    assert it.slack.texts() == ["One. "]
    assert it.stream.is_on


def test_is_withdrawn_before_slack_ends_it(it: Fixture) -> None:
    it.stream.show(WRITING, "One. ")
    it.now += ENDS_AFTER
    it.stream.show(WRITING, "One. Two. ")
    assert it.stream.is_on
    it.now += 1.0
    it.stream.show(WRITING, "One. Two. Three. ")
    assert (it.withdrawn, it.stream.is_on, it.stream.ts) == (1, False, None)


def test_another_search_begins_no_second_stream(it: Fixture) -> None:
    it.stream.show(WRITING, "One. ")
    it.stream.show(READING, "")
    assert (it.withdrawn, it.stream.is_on) == (1, False)


@pytest.mark.parametrize("error", [Refused("channel_type_not_supported"), RateLimited(30), Refused("stopped_by_user")])
@pytest.mark.parametrize("has_begun", [False, True], ids=["at its start", "later"])
def test_any_error_withdraws_it(it: Fixture, error: MagpieError, has_begun: bool) -> None:
    if has_begun:
        it.stream.show(READING, "")
    it.slack.error = error
    it.stream.show(WRITING, "One. ")
    assert (it.withdrawn, it.stream.is_on) == (1, False)
    it.stream.withdraw()
    assert it.withdrawn == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see <https://evil.example|here>", "<\u200bhttps"),
        ("<@U1> and <!channel>", "<\u200b!channel>"),
        ("[here](https://evil.example)", "]\u200b("),
        ("[here][1]", "]\u200b["),
        ("![image](https://evil.example/a.png)", "]\u200b("),
        ("evil.example", "evil.\u200bexample"),
        ("**bold** of page [1].", "**bold** of page [1]."),
    ],
)
def test_text_of_a_stream_has_no_link_and_no_mention(text: str, shown: str) -> None:
    assert shown in stream_text(text)
