"""Count the true statements that the check of answers flags, and the false ones that it catches.

    python -m tests.bench.grounding [BENCH] [--misses FILE]

The true statements are paraphrases of invented pages, then twice of pages by which nothing of the check was chosen,
and, with the folder BENCH, the answers of a benchmark. `--misses` writes every statement that was judged wrongly.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.answer.grounding import GroundingSource, check_grounding
from tests.bench.grounding.mutations import KINDS, FalseStatement, mutate
from tests.bench.grounding.statements import FRESH, PAGES, UNSEEN, TrueStatement, gold_answers, paraphrases


@dataclass(frozen=True)
class Judged:
    """A statement, what was done to it ("true" if nothing), and whether the check flags it."""

    text: str
    origin: TrueStatement
    change: str
    flagged: bool

    @property
    def wrong(self) -> bool:
        return self.flagged == (self.change == "true")


def judge(statements: Iterable[TrueStatement]) -> list[Judged]:
    """Check each statement and its mutations."""
    judged: list[Judged] = []
    for statement in statements:
        source = GroundingSource(statement.page)
        changed = ((_change(false), false.text) for false in mutate(statement)) if statement.is_true else ()
        cases = [("true" if statement.is_true else "by hand", statement.text), *changed]
        for change, text in cases:
            checked = check_grounding(f"{text} [1]", {1: source})
            judged.append(Judged(text, statement, change, bool(checked.not_found)))
    return judged


def _change(false: FalseStatement) -> str:
    return f"{false.kind}, invented" if false.invented else false.kind


def table(judged: Sequence[Judged]) -> Iterator[str]:
    """Yield a line for each kind of change: flagged of all, for all languages and for each."""
    languages = sorted({one.origin.language for one in judged})
    counts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for one in judged:
        for language in ("all", one.origin.language):
            counts[one.change, language].append(one.flagged)
    yield f"{'flagged':22}" + "".join(f"{name:>15}" for name in ("all", *languages))
    changes = [*KINDS, "negation", "subject", "by hand", *(f"{kind}, invented" for kind in KINDS)]
    for change in ("true", *changes):
        if counts[change, "all"]:
            yield f"{change:22}" + "".join(f"{_share(counts[change, name]):>15}" for name in ("all", *languages))


def _share(flagged: Sequence[bool]) -> str:
    return f"{100 * sum(flagged) / len(flagged):.1f} % of {len(flagged)}" if flagged else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path, nargs="?", help="folder of a benchmark")
    parser.add_argument("--misses", type=Path, help="file for the statements that were judged wrongly")
    arguments = parser.parse_args()
    parts = [judge(paraphrases(folder)) for folder in (PAGES, UNSEEN, FRESH)]
    if arguments.bench is not None:
        parts.append(judge(gold_answers(arguments.bench)))
    for part in parts:
        print("\n".join(table(part)), end="\n\n")  # noqa: T201
    if arguments.misses is not None:
        wrong = [f"{one.origin.language}\t{one.change}\t{one.text}\n" for part in parts for one in part if one.wrong]
        arguments.misses.write_text("".join(wrong), "utf-8")


if __name__ == "__main__":
    main()
