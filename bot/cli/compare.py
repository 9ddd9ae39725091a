"""`magpie compare`"""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from bot.cli.answer_figures import percent
from bot.cli.context import Data, invocation
from bot.cli.feedback import write_good_questions
from bot.cli.terminal import Screen, count

if TYPE_CHECKING:
    from rag import ComparedVariant, Comparison

COLUMNS = {"recall@1": "R@1", "recall@5": "R@5", "recall@10": "R@10", "ndcg@5": "nDCG@5"}


def register(app: typer.Typer) -> None:
    app.command("compare")(compare)


def compare(
    context: typer.Context,
    questions: Annotated[
        Path | None, typer.Option(help="Questions with their gold pages, in the format of `magpie eval`.")
    ] = None,
    from_feedback: Annotated[
        bool,
        typer.Option("--from-feedback", help="Use the questions whose answers were rated good, and the cited pages."),
    ] = False,
    lanes: Annotated[bool, typer.Option("--lanes", help="Compare with the search without each of its lanes.")] = False,
    reranker: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="Compare a reranker, as in MAGPIE_RERANK__MODEL. Repeatable."),
    ] = None,
    embedder: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL",
            help="Compare a text embedder, as in MAGPIE_TEXT__MODEL: it orders the first pages found. Repeatable.",
        ),
    ] = None,
    within: Annotated[bool, typer.Option("--within", help="Search only the question's own file.")] = False,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write the results as JSON; - is stdout.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="OUT.html", help="Write the results as HTML.")] = None,
    data: Data = None,
) -> None:
    """Compare lanes, rerankers and text embedders on your own questions, without indexing anything again.

    Each is measured in a process of its own: recall, nDCG, time and memory, and the differences from the settings as
    they are, by a paired bootstrap.
    """
    from rag import compare_searches, compared_variants, measure_apart, write_comparison  # needs SQL

    if (questions is None) is not from_feedback:
        raise typer.BadParameter("use either --questions FILE or --from-feedback")
    if not (lanes or reranker or embedder):
        raise typer.BadParameter("say what to compare: --lanes, --reranker MODEL or --embedder MODEL")
    to_stdout = json == Path("-") or (json is None and invocation(context).json)
    with _questions(context, questions, data) as path:
        settings = invocation(context).settings(data)
        variants = compared_variants(settings, lanes=lanes, rerankers=reranker or (), embedders=embedder or ())
        screen = invocation(context).screen(to_stdout)
        with screen.counting("Measuring", "variants") as watch:
            found = compare_searches(variants, lambda variant: measure_apart(variant, path, within), watch)
    screen.write_json(found.to_json())
    if json is not None and not to_stdout:
        json.write_text(json_format.dumps(found.to_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if report is not None:
        write_comparison(found, report)
    if not screen.json:
        show_comparison(screen, found)
        if report is not None:
            screen.say("The report is in:")
            screen.path(report)


@contextmanager
def _questions(context: typer.Context, questions: Path | None, data: Path | None) -> Iterator[Path]:
    """Yield the file of the questions, or a temporary one with those from feedback."""
    if questions is not None:
        yield questions
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "feedback.jsonl"
        with invocation(context).open(data, False) as (rag, _):
            write_good_questions(rag, path)
        yield path


def show_comparison(screen: Screen, found: Comparison) -> None:
    """Print a row for each variant, then how each differs from the first."""
    screen.say(f"{count(found.questions, 'question')} about {count(found.documents, 'document')}.", style="bold")
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for column in (*COLUMNS.values(), "ms p50", "ms p95", "MB"):
        table.add_column(column, justify="right")
    for row in found.variants:
        times = [f"{row.p50_ms:.0f}", f"{row.p95_ms:.0f}", f"{row.memory_mb:.0f}"]
        table.add_row(row.name, *(percent(row.metrics[metric]) for metric in COLUMNS), *times)
    screen.out.print(table)
    screen.say("Differences from the first row, and where 95 % of the bootstrap's samples lie:", style="bold")
    for row in found.variants:
        if row.differences:
            each = (f"{title} {_difference(row, metric)}" for metric, title in COLUMNS.items())
            screen.say(f"{row.name}: {'; '.join(each)}", indent=2)
    for row in found.variants:
        for lane, reason in row.off.items():
            screen.note(f"{row.name}: {lane} is off: {reason}", style="yellow")


def _difference(row: ComparedVariant, metric: str) -> str:
    one = row.differences[metric]
    return f"{100 * one.mean:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
