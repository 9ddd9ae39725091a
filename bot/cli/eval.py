"""`magpie eval`"""

from __future__ import annotations

import json as json_format
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bot.cli.answer_figures import percent, show_answers
from bot.cli.context import Data, invocation
from bot.cli.feedback import feedback_sentence, write_questions
from bot.cli.terminal import Screen, count
from bot.cli.unanswered import write_unanswered

COLUMNS = ("recall@1", "recall@3", "recall@5", "recall@10", "mrr", "ndcg@5")

MAX_WRONGLY_DECLINED = 0.03
"""Largest share of answerable questions that the reported threshold may decline."""


def register(app: typer.Typer) -> None:
    app.command("eval")(evaluate)


def evaluate(
    context: typer.Context,
    questions: Annotated[
        Path | None, typer.Option(help="Questions with their gold pages, one JSON object per line.")
    ] = None,
    within: Annotated[bool, typer.Option("--within", help="Search only the question's own file.")] = False,
    without_own_file: Annotated[
        bool,
        typer.Option("--without-own-file", help="Search all other files, so that every question must be declined."),
    ] = False,
    with_negatives: Annotated[
        bool, typer.Option("--with-negatives", help="Ask each question a second time without its own file.")
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write the results as JSON; - is stdout.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="OUT.html", help="Write a report with the results and the misses.")
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Ask the questions, and measure the answers instead of the search.")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="With --answers: a model of the same server that judges right answers."),
    ] = None,
    from_feedback: Annotated[
        Path | None,
        typer.Option(metavar="OUT.jsonl", help="Write the questions whose answers were rated bad in Slack, and exit."),
    ] = None,
    from_unanswered: Annotated[
        Path | None,
        typer.Option(metavar="OUT.jsonl", help="Write the questions that nothing was found for in Slack, and exit."),
    ] = None,
    data: Data = None,
) -> None:
    """Measure the search: recall, MRR, nDCG, declined questions, and query time.

    With --answers, measure the answers: right citations, statements on the cited pages, right answers, and what is
    declined.
    """
    if questions is None or from_feedback is not None or from_unanswered is not None:
        _write_questions(context, questions, from_feedback, from_unanswered, data)
        return
    to_stdout = json == Path("-") or (json is None and invocation(context).json)
    if judge and not answers:
        raise typer.BadParameter("--judge needs --answers")
    if answers:
        if without_own_file or with_negatives or report is not None:
            raise typer.BadParameter("--answers goes with --within, --judge and --json only")
        _evaluate_answers(context, questions, within, judge, None if to_stdout else json, data, to_stdout=to_stdout)
        return
    from rag import evaluate_search  # needs SQL, which --help does not

    with invocation(context).open(data, to_stdout) as (rag, screen):
        rag.load_reranker()
        with screen.counting(f"Searching for the questions in {questions.name}", "questions") as watch:
            result = evaluate_search(rag, questions, within, without_own_file, watch, with_negatives)
        figures = result.to_json()
        _write_figures(screen, figures, None if to_stdout else json)
        if report is not None:
            from rag import write_report  # loads the word index, which --help does not need

            write_report(result, report, feedback_sentence(rag))
        _note_left_out(screen, result.left_out)
        if not screen.json:
            _show(screen, figures)
            best = result.best_within(MAX_WRONGLY_DECLINED)
            if best is not None:
                screen.say(
                    f"AUROC of the confidence: {percent(result.auroc())} %. A threshold of {best.threshold:.2f} "
                    f"declines {percent(best.absent)} % of the questions without an answer and "
                    f"{percent(best.present)} % of the others."
                )
        if report is not None:
            screen.say("The misses are listed in:")
            screen.path(report)


def _evaluate_answers(
    context: typer.Context,
    questions: Path,
    within: bool,
    judge: str | None,
    json: Path | None,
    data: Path | None,
    *,
    to_stdout: bool,
) -> None:
    from rag import evaluate_answers, open_judge  # needs SQL, which --help does not

    with invocation(context).open(data, to_stdout) as (rag, screen), ExitStack() as closing:
        model = None
        if judge:
            model = closing.enter_context(open_judge(invocation(context).settings(data).answer, judge))
        rag.load_reranker()
        with screen.counting(f"Asking the questions in {questions.name}", "questions") as watch:
            result = evaluate_answers(rag, questions, within, model, watch)
        figures = result.to_json()
        _write_figures(screen, figures, json)
        _note_left_out(screen, result.left_out)
        if not screen.json:
            show_answers(screen, figures)


def _write_figures(screen: Screen, figures: Mapping[str, Any], path: Path | None) -> None:
    screen.write_json(figures)
    if path is not None:
        path.write_text(json_format.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _note_left_out(screen: Screen, left_out: Mapping[str, int]) -> None:
    if left_out:
        screen.note(
            f"Left out: {count(sum(left_out.values()), 'question')} about {count(len(left_out), 'file')} not indexed "
            f"({', '.join(sorted(left_out)[:3])}{', …' if len(left_out) > 3 else ''}).",
            style="yellow",
        )


def _write_questions(
    context: typer.Context,
    questions: Path | None,
    from_feedback: Path | None,
    from_unanswered: Path | None,
    data: Path | None,
) -> None:
    if questions is not None or (from_feedback is None) == (from_unanswered is None):
        raise typer.BadParameter(
            "use --questions FILE to measure, or --from-feedback OUT, or --from-unanswered OUT, to write a file of "
            "questions"
        )
    with invocation(context).open(data, False, upgrade=from_unanswered is not None) as (rag, screen):
        if from_feedback is not None:
            write_questions(rag, screen, from_feedback)
        elif from_unanswered is not None:
            write_unanswered(rag, screen, from_unanswered)


def _show(screen: Screen, figures: Mapping[str, Any]) -> None:
    screen.say(f"{count(figures['questions'], 'question')}.", style="bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for column in COLUMNS:
        table.add_column(column.replace("recall", "R"), justify="right")
    groups: list[tuple[str, Mapping[str, Any]]] = [("", {"fused": figures["fused"]})]
    groups += [(name, figures.get(name, {})) for name in ("lanes", "kinds", "domains", "looks")]
    for title, rows in groups:
        if title and rows:
            table.add_row(title, style="dim")
        for name, values in rows.items():
            table.add_row(name[:26], *(percent(values[column]) for column in COLUMNS))
    screen.out.print(table)
    declined, times = figures["declined"], figures["query_ms"]
    screen.say(
        f"Declined: {percent(declined['absent'])} % of the questions without an answer, "
        f"{percent(declined['present'])} % of the others."
    )
    stages = ", ".join(f"{stage} {value:.0f}" for stage, value in figures["stage_ms"].items())
    screen.say(f"Query time: {times['p50']:.0f} ms (p50), {times['p95']:.0f} ms (p95); mean by stage: {stages}.")
