"""eval: measure the search on a file of questions."""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bot.cli.feedback import feedback_sentence, write_questions
from bot.cli.invocation import Data, invocation
from bot.cli.terminal import Screen, count
from rag import measure

COLUMNS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@5")

WRONGLY = 0.03
"""The largest share of answerable questions that may be declined, when the best threshold is looked for."""


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate)


def evaluate(
    context: typer.Context,
    questions: Annotated[
        Path | None, typer.Option(help="Questions with their gold pages, one JSON object a line.")
    ] = None,
    within: Annotated[bool, typer.Option("--within", help="Search only the question's own file.")] = False,
    without_own_file: Annotated[
        bool, typer.Option("--without-own-file", help="Search all but it: every question is one to decline.")
    ] = False,
    with_negatives: Annotated[
        bool, typer.Option("--with-negatives", help="Ask each question again with its own file taken out.")
    ] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the figures; - is stdout.")] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="OUT.html", help="Write figures and misses, with pictures.")
    ] = None,
    from_feedback: Annotated[
        Path | None,
        typer.Option(metavar="OUT.jsonl", help="Write the questions whose answers were called bad in Slack, and end."),
    ] = None,
    data: Data = None,
) -> None:
    """Measure the search: recall, MRR, nDCG, what was declined, and the time it takes."""
    if questions is None or from_feedback is not None:
        _write_questions(context, questions, from_feedback, data)
        return
    to_stdout = json == Path("-") or (json is None and invocation(context).json)
    with invocation(context).open(data, to_stdout) as (rag, screen):
        with screen.counting(f"Asking {questions.name}", "questions") as watch:
            result = measure(rag, questions, within, without_own_file, watch, with_negatives)
        shape = result.to_json()
        screen.data(shape)
        if json is not None and not to_stdout:
            json.write_text(json_format.dumps(shape, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        if report is not None:
            from rag import write_report  # loads the word index, which --help has no use for

            write_report(result, report, feedback_sentence(rag))
        if result.left_out:
            screen.note(
                f"Left out: {count(sum(result.left_out.values()), 'question')} about "
                f"{count(len(result.left_out), 'file')} not indexed ({', '.join(sorted(result.left_out)[:3])}"
                f"{', …' if len(result.left_out) > 3 else ''}).",
                style="yellow",
            )
        if not screen.json:
            _show(screen, shape)
            best = result.best_within(WRONGLY)
            if best is not None:
                screen.say(
                    f"AUROC of the confidence {_percent(result.auroc())} %; below {best.threshold:.2f} lie "
                    f"{_percent(best.absent)} % of those without an answer, {_percent(best.present)} % of the others."
                )
        if report is not None:
            screen.say("What was missed is listed in:")
            screen.path(report)


def _write_questions(context: typer.Context, questions: Path | None, into: Path | None, data: Path | None) -> None:
    if into is None or questions is not None:
        raise typer.BadParameter("name the questions with --questions, or write a file of them with --from-feedback")
    with invocation(context).open(data, False) as (rag, screen):
        write_questions(rag, screen, into)


def _show(screen: Screen, shape: Mapping[str, Any]) -> None:
    screen.say(f"{count(shape['questions'], 'question')}.", style="bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for column in COLUMNS:
        table.add_column(column.replace("recall", "R"), justify="right")
    groups: list[tuple[str, Mapping[str, Any]]] = [("", {"fused": shape["fused"]})]
    groups += [(name, shape.get(name, {})) for name in ("lanes", "kinds", "domains", "looks")]
    for title, rows in groups:
        if title and rows:
            table.add_row(title, style="dim")
        for name, values in rows.items():
            table.add_row(name[:26], *(_percent(values[column]) for column in COLUMNS))
    screen.out.print(table)
    declined, times = shape["declined"], shape["query_ms"]
    screen.say(
        f"Declined: {_percent(declined['absent'])} % of those whose answer is in no file, "
        f"{_percent(declined['present'])} % of the others."
    )
    stages = ", ".join(f"{stage} {value:.0f}" for stage, value in shape["stage_ms"].items())
    screen.say(f"A query takes {times['p50']:.0f} ms (p50), {times['p95']:.0f} ms (p95); {stages}.")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
