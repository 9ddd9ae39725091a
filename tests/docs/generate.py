"""Write the generated parts of docs/ from the code: `make docs`, or `python -m tests.docs.generate`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end of generated: NAME -->`. The test beside this
module fails when one of them differs from what the code says.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from bot.answers.unanswered import QuestionGroup
from bot.cli.json_output import (
    access_json,
    backup_json,
    benchmark_json,
    settings_json,
    stored_json,
    unanswered_json,
)
from bot.cli.main import build_app, main
from bot.db.access_log import AccessEntry
from bot.db.unanswered import Unanswered
from bot.environment import variable as slack_variable
from bot.folders import FolderList
from bot.settings import SlackSettings
from bot.telemetry.metrics import METRICS as BOT_METRICS
from rag import (
    BackupSummary,
    Check,
    DeclaredMetric,
    FileNote,
    FileReading,
    FollowedFolder,
    IndexOutcome,
    IndexState,
    ModelSummary,
    Posted,
    Settings,
    SettingValue,
    Status,
    StoredData,
)
from rag.evaluation.answers import AnswerResult, AnswersReport, Shown
from rag.evaluation.benchmark import BenchmarkResult, Speed
from rag.evaluation.compare import METRICS as COMPARED_METRICS
from rag.evaluation.compare import ComparedVariant, Comparison, Difference
from rag.evaluation.datasets import EvalQuestion
from rag.evaluation.evaluate import EvaluationReport, QuestionResult
from rag.evaluation.judging import JudgedStatement
from rag.model.extraction import Modality, TextSource
from rag.model.operations import PageReading, PublishedFigure
from rag.model_server.metrics import METRICS as MODEL_SERVER_METRICS
from rag.setting_names import variable
from tests.docs.tables import row, table
from tests.support.engine import FakeEngine, answer, hit

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

GROUPS = {
    "read": "Reading files",
    "web": "Web pages",
    "keep": "Retention",
    "embed": "CLIP: images and text",
    "serve": "Model server",
    "text": "Text vectors",
    "rerank": "Reranker",
    "page_images": "Page images",
    "store": "Vector store",
    "search": "Search",
    "answer": "Answers",
    "caption": "Captions",
    "log": "Log",
}
"""A heading for each group of rag's settings; the test fails when one is missing."""

BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}

# ---------------------------------------------------------------- settings


def settings() -> str:
    """Return the reference of all settings as Markdown: name, default, allowed values, what it does."""
    header = row("Variable", "Default", "Allowed", "What it does")
    data = Settings.model_fields["data"]
    parts = ["### Data folder", table(header, [_setting(variable("data"), "by system", data)])]
    for group, title in GROUPS.items():
        fields: Mapping[str, FieldInfo] = getattr(Settings.model_fields[group].annotation, "model_fields")  # noqa: B009
        rows = [_setting(variable(f"{group}.{name}"), shown_default(field), field) for name, field in fields.items()]
        parts += [f"### {title}", table(header, rows)]
    rows = [
        _setting(slack_variable(name), shown_default(field), field)
        for name, field in SlackSettings.model_fields.items()
    ]
    parts += ["### Slack", table(header, rows)]
    return "\n\n".join(parts)


def _setting(name: str, default: str, field: FieldInfo) -> str:
    return row(f"`{name}`", default, allowed(field), field.description or "")


def shown_default(field: FieldInfo) -> str:
    """Return the default as a person would write it in the environment."""
    value = field.get_default()
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value in (None, "", ()):
        return "empty"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def allowed(field: FieldInfo) -> str:
    """Return the bounds or the choices of a setting; empty when any value of its type is accepted."""
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(each, str) for each in choices):
        return " or ".join(f"`{each}`" for each in choices)
    limits = {
        name: getattr(each, name) for each in field.metadata for name in BOUNDS if getattr(each, name, None) is not None
    }
    if {"ge", "le"} <= set(limits):
        return f"{limits['ge']:,} to {limits['le']:,}"
    if limits:
        return ", ".join(BOUNDS[name].format(f"{value:,}") for name, value in limits.items())
    return "`true` or `false`" if field.annotation is bool else ""


# ---------------------------------------------------------------- commands


def commands() -> str:
    """Return the reference of every command as Markdown: usage, what it does, arguments and options."""
    return "\n\n".join(_command(name, command) for name, command in walk())


def walk() -> Iterator[tuple[str, Any]]:
    """Yield (name, command) for `magpie` and every command below it, such as `magpie models pull`."""

    def below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        yield name, command
        for key, inner in getattr(command, "commands", {}).items():
            yield from below(f"{name} {key}", inner)

    yield from below("magpie", typer.main.get_command(build_app()))


def _command(name: str, command: Any) -> str:
    level = "###" if name == "magpie" or name.count(" ") == 1 else "####"
    taken = [each for each in command.params if not each.hidden]
    arguments = [each for each in taken if isinstance(each, typer.core.TyperArgument)]
    options = [each for each in taken if each not in arguments]
    words = [name, *(_argument(each) for each in arguments), "[OPTIONS]"]
    if hasattr(command, "commands"):
        words.append("COMMAND")
    rows = [row(f"`{_argument(each)}`", _value(each), each.help or "") for each in arguments]
    rows += [row(f"`{_option(each)}`", _value(each), each.help or "") for each in options]
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", (command.help or "").strip())
    return "\n\n".join(
        [
            f"{level} {name}",
            f"```text\n{' '.join(words)}\n```",
            text,
            table(row("Argument or option", "Value", "What it does"), rows),
        ]
    )


def _argument(argument: Any) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _option(option: Any) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or str(option.name).upper()}"


def _value(parameter: Any) -> str:
    if parameter.required:
        return "required"
    parts = []
    if parameter.min is not None or parameter.max is not None:
        low, high = parameter.min, parameter.max
        parts.append(f"≥ {low}" if high is None else f"{low} to {high}")
    if parameter.default is not None and not getattr(parameter, "is_flag", False):
        parts.append(f"default `{parameter.default}`")
    return ", ".join(parts)


# ---------------------------------------------------------------- metrics


def metrics(declared: Iterable[DeclaredMetric]) -> str:
    """Return the reference of metrics as Markdown: name, kind, labels, what it counts."""
    rows = [_metric(each) for each in declared]
    return table(row("Metric", "Kind", "Labels", "What it counts"), rows)


def _metric(declared: DeclaredMetric) -> str:
    labels = [
        f"`{name}`: {', '.join(f'`{value}`' for value in values)}" if values else f"`{name}`"
        for name, values in declared.values.items()
    ]
    return row(f"`{declared.shown_name}`", declared.kind.__name__.lower(), "; ".join(labels), declared.help)


# ---------------------------------------------------------------- JSON


def json_shapes() -> str:
    """Return an example of every command's JSON, made by the commands themselves, as Markdown."""
    parts = []
    with plain_environment():
        for title, output in _examples():
            parts.append(f"### {title}\n\n```json\n{output}\n```")
    return "\n\n".join(parts)


def _examples() -> Iterator[tuple[str, str]]:
    page = hit(1, "handbook.pdf", 12, "vi")
    lanes = {"words": "on", "text-vectors": "off: no text embedder is set"}
    outcomes = [
        IndexOutcome("handbook.pdf", "new", 12, notes=_NOTES),
        IndexOutcome("locked.pdf", "failed", 0, "The file is encrypted.", "Remove its password."),
    ]
    failed = (("locked.pdf", "The file is encrypted."),)
    noted = (("handbook.pdf", _NOTES),)
    stored = Status({"ready": 41, "failed": 1}, 1280, 5212, 300, failed, lanes, notes=noted)
    answered = FakeEngine(answered=answer("The gateway listens on port 8443 [1].", page))
    yield "ask --json", output(answered, "ask", "Which port?", "--json")
    posted = Posted("C123", "U123", 1767225600.0, "1767225600.000100", "", "The handbook, final version")
    shared = replace(page, posted=(posted,))
    yield "find --json", output(FakeEngine(hits=[shared]), "find", "gateway port", "--json")
    yield "index --json, reindex --json", output(FakeEngine(outcomes=outcomes), "index", "folder", "--json")
    yield "forget --json", output(FakeEngine(known=["old.pdf"]), "forget", "old.pdf", "--json")
    yield "status --json", output(FakeEngine(stored=stored), "status", "--json")
    yield "status FILE --json", output(FakeEngine(readings=[_READING]), "status", "handbook.pdf", "--json")
    yield "status --privacy --json", _dump(stored_json(Path("/var/lib/magpie"), _KEPT))
    yield "status --access FILE --json", _dump(access_json(["ab" * 32], _SEEN, 90))
    checks = [Check("catalog", "ok", "42 files, 1280 pages, 5212 chunks; the file is not damaged")]
    yield "doctor --json", output(FakeEngine(checks=checks), "doctor", "--json")
    yield "backup --json, restore --json", _dump(backup_json(_BACKUP))
    yield "config --json (shortened)", _dump(settings_json(_SETTINGS, _FOLDERS))
    figures = (PublishedFigure("ViDoRe v1, nDCG@5", 16.9, "a paper"),)
    row = ModelSummary("ViT-B-32", "laion2b_s34b_b79k", "0.6 GB", True, True, "", "MIT")
    models = [replace(row, size="0.15 B", good_at="photographs", figures=figures)]
    yield "models list --json", output(FakeEngine(rows=models), "models", "list", "--json")
    yield "models pull --json", output(FakeEngine(rows=models), "models", "pull", "--json")
    yield "eval --json -", _dump(_REPORT.to_json())
    yield "eval --answers --json -", _dump(_ANSWERS.to_json())
    yield "compare --json -", _dump(_COMPARISON.to_json())
    yield "unanswered --json", _dump(unanswered_json([_UNANSWERED]))
    yield "train-projection --json", output(FakeEngine(), "train-projection", "--json")
    yield "bench --json", _dump(benchmark_json(_BENCHED))


_UNANSWERED = QuestionGroup(
    [
        Unanswered(9, "C0123456789", "1796040000.000100", "", "Where is the antenna bracket?", 1796040000.0),
        Unanswered(4, "D0123456789", "1796030000.000100", "", "the antenna bracket, where is it?", 1796030000.0),
    ]
)
_RANKS = dict.fromkeys(COMPARED_METRICS, 0.8)
_COMPARISON = Comparison(
    196,
    31,
    0,
    (
        ComparedVariant("as set", _RANKS, {}, 24.0, 31.0, 410.0, 0.0, {"clip-text": "no weights"}),
        ComparedVariant(
            "reranker st:BAAI/bge-reranker-v2-m3",
            _RANKS,
            dict.fromkeys(COMPARED_METRICS, Difference(0.0, -0.03, 0.03)),
            210.0,
            260.0,
            1900.0,
            2400.0,
            {},
        ),
    ),
)


def output(engine: FakeEngine, *arguments: str) -> str:
    """Return what a command writes to stdout, run in a folder of its own."""
    out = StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(out), redirect_stderr(StringIO()):
        main(["--data", folder, *arguments], engine.opened)
    return _dump(json.loads(out.getvalue()))


@contextmanager
def plain_environment() -> Iterator[None]:
    """Hide the settings of this machine from what runs inside."""
    hidden = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith(("MAGPIE_", "SLACK_"))}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _dump(shape: object) -> str:
    rounded = json.loads(json.dumps(shape), parse_float=lambda digits: round(float(digits), 4))
    text = json.dumps(rounded, ensure_ascii=False, indent=2)
    # Lists of numbers, such as boxes, on one line.
    return re.sub(r"\[\s+((?:-?[\d.]+,?\s+)+)\]", lambda found: f"[{' '.join(found[1].split())}]", text)


_BACKUP = BackupSummary("2026-11-30T03:00:00+00:00", 1323, 512_000_000, tokens=False, missing=0)

_SETTINGS = (
    SettingValue("answer.model", "MAGPIE_ANSWER__MODEL", "qwen3-vl:4b-instruct", "magpie.toml"),
    SettingValue("slack.bot_token", "SLACK_BOT_TOKEN", "(set)", "environment"),
)

_FOLDERS = FolderList((FollowedFolder("/srv/handbook", ("everyone",)),))

_NOTES = (
    FileNote("This page couldn't be read: it took longer than 60 s.", lost=True, page=12),
    FileNote("The file is encrypted. Remove its password.", lost=True, attachment="invoice.pdf"),
)

_READING = FileReading(
    "handbook.pdf",
    "/srv/shared/handbook.pdf",
    IndexState.READY,
    sha256="ab" * 32,
    media_type="application/pdf",
    extractor="2-ocr-layout-1600px",
    page_count=12,
    pages=(PageReading(12, "vi", TextSource.NONE, _NOTES[:1]),),
    notes=_NOTES[1:],
    attachments=("invoice.pdf",),
)

_KEPT = [
    StoredData(
        "documents",
        Path("/var/lib/magpie/files"),
        42,
        "file",
        81_000_000,
        "the files as they were shared",
        "until forgotten or no longer shared",
    )
]

_SEEN = [
    AccessEntry(
        at=1_772_442_060,
        channel="C0123456789",
        ts="1772442055.000100",
        user="U0123456789",
        text="Which port?",
        sha256="ab" * 32,
        spaces=["C0123456789"],
        scope="this conversation and public channels",
        removed=False,
    )
]

_REPORT = EvaluationReport(
    (
        QuestionResult(
            EvalQuestion("q1", "Which port?", None, "handbook.pdf", frozenset({12}), ("Text",), "", "Manuals"),
            frozenset({("handbook.pdf", 12)}),
            (("handbook.pdf", 12), ("handbook.pdf", 3)),
            {"words": (("handbook.pdf", 12), ("handbook.pdf", 3))},
            False,
            0.9,
            21.0,
            {"words": 4.0, "fuse": 9.0},
        ),
        QuestionResult(
            EvalQuestion("q2", "How many gulls?", None, "", frozenset()),
            frozenset(),
            (("report.pdf", 5),),
            {"words": (("report.pdf", 5),)},
            True,
            0.1,
            19.0,
            {"words": 3.0, "fuse": 8.0},
        ),
    ),
    {},
)

_ANSWERS = AnswersReport(
    (
        AnswerResult(
            EvalQuestion("q1", "Which port?", None, "handbook.pdf", frozenset({12}), answer="port 8080"),
            Shown.ANSWER,
            frozenset({(1, 12)}),
            ((1, 12), (1, 3)),
            (JudgedStatement("Port 8080.", (1,), ()),),
            has_answer=True,
            judged=True,
            seconds=4.1,
            confidence=0.9,
            text="Port 8080 [1].",
        ),
        AnswerResult(
            EvalQuestion("q2", "How many gulls?", None, "", frozenset()),
            Shown.NOT_FOUND,
            frozenset(),
            (),
            (),
            has_answer=None,
            judged=None,
            seconds=1.3,
            confidence=0.1,
            text="",
        ),
    ),
    {},
)

_SPEED = Speed(
    19.5,
    21.8,
    0.89,
    0.88,
    0.91,
    {"forward": 0.95, "waiting for pictures or tokens": 0.04, "catalog and store": 0.01},
    0.4,
    0.9,
)

_BENCHED = BenchmarkResult(
    "ViT-B-32 (random)",
    "cpu",
    "torch 2.15",
    {Modality.PICTURE: 32, Modality.TEXT: 128},
    605_000_000,
    None,
    {"pictures": _SPEED, "texts": _SPEED},
)

# ---------------------------------------------------------------- pages

PARTS: Mapping[str, Callable[[], str]] = {
    "settings": settings,
    "commands": commands,
    "json": json_shapes,
    "metrics": partial(metrics, BOT_METRICS),
    "metrics-of-the-model-server": partial(metrics, MODEL_SERVER_METRICS),
}
"""What can be generated, by the name in the markers."""

_PART = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end of generated: (?P=name) -->)", re.DOTALL
)


def rendered(page: str) -> str:
    """Return the page with its generated parts made anew. Raise KeyError for an unknown name in a marker."""
    return _PART.sub(lambda found: f"{found['begin']}\n{PARTS[found['name']]()}\n\n{found['end']}", page)


def handwritten(page: str) -> str:
    """Return the page without its generated parts."""
    return _PART.sub("", page)


def pages() -> list[Path]:
    """Return the pages that have a generated part."""
    return [path for path in sorted(DOCS.glob("*.md")) if _PART.search(path.read_text(encoding="utf-8"))]


def write() -> int:
    """Write every page whose generated parts are out of date; print its path."""
    for path in pages():
        before = path.read_text(encoding="utf-8")
        after = rendered(before)
        if after != before:
            path.write_text(after, encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(write())
