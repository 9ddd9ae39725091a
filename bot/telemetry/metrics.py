"""The bot's Prometheus metrics, all declared in METRICS; `make docs` writes the table in docs/operations.md from it.

No label has text of people or files, or an id: the values of all labels but Slack's methods are listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from rag import DeclaredMetric, MetricSet, Stage, Step

OUTCOMES = ("answered", "passages", "not_found", "pages", "files", "other", "failed", "refused", "canceled")
"""Of a question: an answer by the model, quoted passages, nothing found, pages of a screenshot or a search, a list of
files, any other message; failed, refused by Slack, stopped or deleted."""

BOT_STAGES = ("files", "turn")
"""Stages of a question besides the engine's: it waits for files sent with it, and for its turn at the model."""

STAGES = (*BOT_STAGES, *get_args(Stage))

FAILURES = ("superseded", "stopping", "try_again", "operator", "refused", "fault")
"""The names of bot.jobs.worker.Failure, in lower case."""

RESULTS = ("ok", "rate_limited", "unavailable", "token", "refused")
"""Of a call to Slack: done; too many calls; busy or unreachable; token or scope not accepted; refused."""

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)

METRICS = (
    DeclaredMetric(Counter, "magpie_questions", "Questions that ended, by outcome.", {"outcome": OUTCOMES}),
    DeclaredMetric(
        Histogram, "magpie_answer_seconds", "Seconds from a question to its complete answer.", buckets=_SECONDS
    ),
    DeclaredMetric(
        Histogram, "magpie_stage_seconds", "Seconds of one stage of a question.", {"stage": STAGES}, buckets=_SECONDS
    ),
    DeclaredMetric(
        Counter, "magpie_failures", "Attempts of questions and jobs that failed.", {"work": (), "kind": FAILURES}
    ),
    DeclaredMetric(Counter, "magpie_tokens", "Tokens that models read and wrote.", {"of": ("prompt", "answer")}),
    DeclaredMetric(Counter, "magpie_pages_read", "Pages read from files."),
    DeclaredMetric(Counter, "magpie_files_failed", "Files given up, by step.", {"step": get_args(Step)}),
    DeclaredMetric(Counter, "magpie_slack_calls", "Calls of Slack's Web API.", {"method": (), "result": RESULTS}),
    DeclaredMetric(Gauge, "magpie_questions_open", "Questions that wait or are being answered."),
    DeclaredMetric(Gauge, "magpie_jobs_open", "Jobs that wait or are running, by kind.", {"kind": ()}),
    DeclaredMetric(
        Gauge, "magpie_files_waiting", "Files that wait for this step, or are at it.", {"step": get_args(Step)}
    ),
    DeclaredMetric(
        Gauge, "magpie_index_lag_seconds", "Age of the oldest file that is not searchable yet. 0: none waits."
    ),
    DeclaredMetric(Gauge, "magpie_slack_connected", "1 while the connection to Slack is open."),
)
"""Every metric of the bot."""


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits now: questions, jobs by kind, files by step; and the age of the oldest file, in seconds."""

    questions: int
    jobs: Mapping[str, int]
    files: Mapping[Step, int]
    lag: float
    connected: bool


class Metrics:
    """The metrics of one bot. Thread-safe; `text` returns the page that Prometheus reads."""

    def __init__(self) -> None:
        self._set = MetricSet(METRICS)

    def question_ended(self, outcome: str) -> None:
        self._set.counter("magpie_questions", outcome=_known(outcome, OUTCOMES)).inc()

    def answered(self, seconds: float) -> None:
        self._set.histogram("magpie_answer_seconds").observe(max(0.0, seconds))

    def stage_ended(self, stage: str, seconds: float) -> None:
        self._set.histogram("magpie_stage_seconds", stage=_known(stage, STAGES)).observe(seconds)

    def failed(self, work: str, kind: str) -> None:
        """Count a failed attempt. `work`: `question`, or the kind of a job."""
        self._set.counter("magpie_failures", work=work, kind=_known(kind, FAILURES)).inc()

    def tokens(self, prompt: int, answer: int) -> None:
        self._set.counter("magpie_tokens", of="prompt").inc(prompt)
        self._set.counter("magpie_tokens", of="answer").inc(answer)

    def pages_read(self, count: int) -> None:
        self._set.counter("magpie_pages_read").inc(count)

    def file_failed(self, step: Step) -> None:
        self._set.counter("magpie_files_failed", step=step).inc()

    def slack_called(self, method: str, result: str) -> None:
        self._set.counter("magpie_slack_calls", method=method, result=_known(result, RESULTS)).inc()

    def text(self, queues: Queues) -> bytes:
        """Return all metrics in Prometheus' text format."""
        self._set.gauge("magpie_questions_open").set(queues.questions)
        for kind, count in queues.jobs.items():
            self._set.gauge("magpie_jobs_open", kind=kind).set(count)
        for step, count in queues.files.items():
            self._set.gauge("magpie_files_waiting", step=step).set(count)
        self._set.gauge("magpie_index_lag_seconds").set(queues.lag)
        self._set.gauge("magpie_slack_connected").set(queues.connected)
        return self._set.text()


def _known(value: str, values: tuple[str, ...]) -> str:
    """Return a value of a label. Raise ValueError for one that is not listed: it could be text of a person or file."""
    if value not in values:
        raise ValueError("the value of a label is not declared")
    return value
