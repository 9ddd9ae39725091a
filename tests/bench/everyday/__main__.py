"""Build the documents, index them and measure the search by kind of question: `python -m tests.bench.everyday FOLDER`.

The files are written to FOLDER/files and indexed in the data folder FOLDER/data; a second run indexes only what has
changed. The settings of the data folder and the environment apply. Delete FOLDER after a document was removed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag import MagpieError, evaluate_search, load_settings, open_rag
from rag.evaluation.evaluate import EvaluationReport, QuestionResult
from rag.evaluation.metrics import mean_metrics
from rag.setting_groups import LANES
from tests.bench.everyday.documents import read_documents
from tests.bench.everyday.writers import write_documents

QUESTIONS = Path(__file__).parent / "questions.jsonl"

_COLUMNS = ("recall@1", "recall@3", "recall@5", "mrr")


def table(report: EvaluationReport) -> Iterator[str]:
    """Yield a line for all questions, for those with and without an answer of each kind, and for each domain."""
    heads = [*(column.replace("recall", "R") for column in _COLUMNS), "declined"]
    yield f"{'':28}{'answer':>8}{''.join(f'{head:>9}' for head in heads)}{'none':>8}{'declined':>10}"
    yield _line("all", report.results)
    for title, names_of in (("kinds", _kinds), ("domains", _domains)):
        yield title
        for name in sorted({name for result in report.results for name in names_of(result)}):
            yield _line(name, [result for result in report.results if name in names_of(result)])


def _kinds(result: QuestionResult) -> Sequence[str]:
    return result.question.kinds


def _domains(result: QuestionResult) -> Sequence[str]:
    return (result.question.domain,)


def _line(name: str, results: Sequence[QuestionResult]) -> str:
    present, absent = [row for row in results if row.gold], [row for row in results if not row.gold]
    metrics = mean_metrics((row.ranked, row.gold) for row in present)
    cells = "".join(f"{_percent(metrics[column]):>9}" for column in _COLUMNS)
    return (
        f"{name[:27]:28}{len(present):8}{cells}{_percent(_declined(present)):>9}"
        f"{len(absent):8}{_percent(_declined(absent)):>10}"
    )


def _declined(results: Sequence[QuestionResult]) -> float | None:
    return sum(result.declined for result in results) / len(results) if results else None


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the files and the data folder are made")
    parser.add_argument("--build", action="store_true", help="write the files only")
    options = parser.parse_args(arguments)
    files = options.folder / "files"
    files.mkdir(parents=True, exist_ok=True)
    write_documents(read_documents(), files)
    if options.build:
        return 0
    try:
        with open_rag(load_settings(options.folder / "data")) as rag:
            failed = [outcome for outcome in rag.index([files]) if outcome.state in ("failed", "skipped")]
            report = evaluate_search(rag, QUESTIONS)
    except MagpieError as error:
        sys.stderr.write(f"{error} {error.hint}\n")
        return 1
    for outcome in failed:
        sys.stderr.write(f"Not indexed: {outcome.file}: {outcome.reason}\n")
    lanes = [lane for lane in LANES if any(row.lanes.get(lane) for row in report.results)]
    sys.stdout.write("\n".join([f"Lanes: {', '.join(lanes)}", *table(report)]) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
