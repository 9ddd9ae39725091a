"""Compare the full-text indexes of SQLite and PostgreSQL: time, size, and whether they find the same.

    python -m tests.bench.words_in_databases DATA [--questions Q.jsonl] [--chunks 5000] [--rounds 5]

DATA is a data folder with indexed files, which is only read. Its chunks are multiplied as in `tests.bench.search`, into
a catalog of SQLite and one of the tests' PostgreSQL server. Each question is searched in both, one after the other, by
words only, in everything and in 50 of 500 spaces. Exit code 1 if the first ten of a question differ.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, text

from rag.analysis.question import question_terms
from rag.catalog.languages import languages_in
from rag.catalog.word_indexes import index_of
from rag.evaluation.metrics import percentile
from rag.model.search import Scope
from rag.ports import Term
from tests.bench.multiplied import SPACES, chunks_of, fill_catalog, multiplied
from tests.bench.search import read_questions
from tests.support.databases import DATABASES, open_catalog

LIMIT = 50
SIZES = {
    "sqlite": "SELECT name, sum(pgsize) FROM dbstat WHERE name LIKE 'fulltext%' GROUP BY name ORDER BY name",
    "postgresql": "SELECT relname, pg_table_size(oid) FROM pg_class "
    "WHERE relname ~ '^(ix_)?fulltext' AND relkind IN ('r', 'i') ORDER BY relname",
}
"""Tables and indexes of the words of chunks, with their bytes."""


def searched(connection: Connection, terms: Sequence[Term], scope: Scope) -> tuple[list[int], float]:
    """Return the first ten chunks, and the milliseconds that the search took."""
    began = time.perf_counter()
    found = index_of(connection).search(connection, terms, scope, LIMIT)
    return [row[0] for row in found[:10]], (time.perf_counter() - began) * 1000


@dataclass(slots=True)
class Comparison:
    """The times of each round by database, and the numbers of the questions whose first ten differ."""

    rounds: list[dict[str, list[float]]] = field(default_factory=list)
    different: set[int] = field(default_factory=set)

    def lines(self) -> Iterator[str]:
        for times in self.rounds:
            yield "; ".join(
                f"{name} p50 {percentile(took, 0.5):.1f}, p95 {percentile(took, 0.95):.1f} ms"
                for name, took in times.items()
            )
        yield f"the first ten differ for {len(self.different)} questions"


def compare(
    connections: dict[str, Connection], asked: Sequence[Sequence[Term]], scope: Scope, rounds: int
) -> Comparison:
    compared = Comparison()
    for number in range(rounds + 1):
        times: dict[str, list[float]] = {name: [] for name in connections}
        for question, terms in enumerate(asked):
            first = {}
            for name, connection in connections.items():
                first[name], took = searched(connection, terms, scope)
                times[name].append(took)
            if len({tuple(ten) for ten in first.values()}) > 1:
                compared.different.add(question)
        if number:  # the first round fills the caches
            compared.rounds.append(times)
    return compared


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    chunks = chunks_of(options.data)
    questions = read_questions(options.questions, options.data, 1, 200)
    names = random.Random(1).sample([f"S{number}" for number in range(SPACES)], SPACES // 10)
    compared = []
    with ExitStack() as stack:
        connections: dict[str, Connection] = {}
        for name in DATABASES:
            catalog = stack.enter_context(open_catalog(name, Path(stack.enter_context(TemporaryDirectory()))))
            began = time.perf_counter()
            fill_catalog(catalog, multiplied(chunks, options.chunks, 1), chunks[:10], 1, lambda _: None)
            say(f"{name}: filled in {time.perf_counter() - began:.1f} s")
            connections[name] = stack.enter_context(catalog.read_transaction())
        for name, connection in connections.items():
            sizes = {row[0]: int(row[1]) for row in connection.execute(text(SIZES[name]))}
            say(f"{name}: {sum(sizes.values()) / 1e6:.1f} MB {json.dumps(sizes)}")
        languages = languages_in(connections["sqlite"], Scope.operator())
        asked = [question_terms(question, languages).terms for question in questions]
        for title, scope in (("everything", Scope.operator()), (f"{len(names)} of {SPACES} spaces", Scope.of(*names))):
            compared.append(compare(connections, asked, scope, options.rounds))
            say(f"{title}, {len(asked)} questions", *compared[-1].lines())
    return int(any(one.different for one in compared))


def say(*lines: str) -> None:
    sys.stdout.write("\n  ".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
