"""Measure how well "not found" is said: by the search, by a model, and by both together.

    python -m tests.try_model.refusals --set NAME DATA QUESTIONS… [--set …] [--server PROGRAM --model FILE.gguf …]
        [--sample N --seed S]

A set is a data folder and files of questions about what is indexed in it, in the format of `magpie eval`; those with
`"pages": []` have no answer. Passages mode is asked all of them. A model is slow: with --sample it is asked N questions
with an answer and N without, drawn at random. The decision joins two: the search declines what it is not confident of,
and the model may say NOT FOUND to the rest.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from random import Random

from rag import Settings, open_rag
from rag.adapters.generators import open_generator
from rag.evaluation.datasets import EvalQuestion, read_questions
from rag.setting_groups import AnswerSettings
from tests.support.absent import NoEmbedder
from tests.try_model.asking import DECLINED, MODEL, Reply, TimedGenerator, ask
from tests.try_model.gold import GoldQuestion
from tests.try_model.llama import HOW_TO_GET, find_models, find_program, served_model

PASSAGES_MODE = "passages"

_Z = 1.96
"""Standard deviations of a normal distribution that 95 % lie within."""


@dataclass(frozen=True)
class QuestionSet:
    """Questions about the documents of a data folder."""

    name: str
    data: Path
    questions: tuple[GoldQuestion, ...]

    def sample(self, count: int, seed: int) -> QuestionSet:
        """Return a random sample: `count` questions with an answer and `count` without, or all if there are fewer.

        A larger sample has the questions of a smaller one.
        """
        draw = Random(f"{seed} {self.name}")
        chosen: list[GoldQuestion] = []
        for has_answer in (True, False):
            rows = sorted((one for one in self.questions if bool(one.pages) is has_answer), key=lambda one: one.id)
            draw.shuffle(rows)
            chosen += rows[:count]
        return QuestionSet(self.name, self.data, tuple(chosen))


@dataclass(frozen=True)
class Refusals:
    """What was declined by one decision: `rightly` of `absent` questions without an answer, `wrongly` of `present`."""

    by: str
    rightly: int
    absent: int
    wrongly: int
    present: int

    def cells(self) -> list[str]:
        """Return the counts, precision and recall, with their 95 % intervals."""
        return [
            f"{self.wrongly}/{self.present}",
            f"{self.rightly}/{self.absent}",
            share(self.rightly, self.rightly + self.wrongly),
            share(self.rightly, self.absent),
        ]


def read_set(name: str, data: Path, files: Sequence[Path]) -> QuestionSet:
    """Return the questions of all files that are asked in words."""
    rows = [row for file in files for row in read_questions(file) if row.image is None]
    return QuestionSet(name, data, tuple(map(_gold, rows)))


def _gold(row: EvalQuestion) -> GoldQuestion:
    return GoldQuestion(row.id, row.query, row.file, tuple(sorted(row.pages)), row.answer)


def count_refusals(replies: Sequence[Reply]) -> Iterator[Refusals]:
    """Yield what the search declined, what the model declined of the rest, and both together."""
    passed = [reply for reply in replies if reply.found]
    yield _count("search", replies, lambda reply: not reply.found)
    if any(reply.wrote for reply in passed):
        yield _count("model", passed, lambda reply: reply.shown == DECLINED)
        yield _count("together", replies, lambda reply: reply.shown == DECLINED)


def _count(by: str, replies: Sequence[Reply], is_declined: Callable[[Reply], bool]) -> Refusals:
    absent = [reply for reply in replies if not reply.question.pages]
    present = [reply for reply in replies if reply.question.pages]
    return Refusals(by, sum(map(is_declined, absent)), len(absent), sum(map(is_declined, present)), len(present))


def share(part: int, whole: int) -> str:
    """Return a share in percent with its 95 % interval, by Wilson; a dash of nothing."""
    if not whole:
        return "–"
    value, square = part / whole, _Z * _Z / whole
    middle, half = value + square / 2, _Z * sqrt(value * (1 - value) / whole + square / (4 * whole))
    low, high = ((middle + sign * half) / (1 + square) for sign in (-1, 1))
    return f"{100 * value:.1f} % [{100 * max(0.0, low):.0f}, {100 * min(1.0, high):.0f}]"


def ask_set(mode: str, questions: QuestionSet, answer: AnswerSettings) -> list[Reply]:
    """Ask the questions of a set; without a model, the passages are the answer."""
    generator = TimedGenerator(open_generator(answer)) if answer.model else None
    settings = Settings(data=questions.data, answer=answer, text={"model": ""})
    replies = []
    with open_rag(settings, embedder=NoEmbedder(), generator=generator) as rag:
        for number, question in enumerate(questions.questions, 1):
            replies.append(ask(rag, generator, question, scripted=False))
            sys.stderr.write(f"\r{mode}, {questions.name}: {number} of {len(questions.questions)} ")
    sys.stderr.write("\n")
    return replies


_HEAD = ("wrongly declined", "rightly declined", "precision", "recall")


def head() -> str:
    """Return the first line of the table."""
    return f"{'set':12}{'mode':30}{'by':10}" + "".join(f"{name:>22}" for name in _HEAD) + f"{'answers shown':>16}"


def lines(mode: str, questions: QuestionSet, replies: Sequence[Reply]) -> Iterator[str]:
    """Yield a line for each decision. answers shown: written ones, to questions with / without an answer."""
    written = [sum(one.shown == MODEL for one in replies if bool(one.question.pages) is has) for has in (True, False)]
    for refusals in count_refusals(replies):
        cells = "".join(f"{cell:>22}" for cell in refusals.cells())
        yield f"{questions.name:12}{mode:30}{refusals.by:10}{cells}{f'{written[0]} / {written[1]}':>16}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", nargs="+", action="append", required=True, metavar=("NAME", "DATA"))
    parser.add_argument("--server", type=Path, help="llama.cpp's llama-server")
    parser.add_argument("--model", type=Path, action="append", default=[], help="a GGUF file; can be repeated")
    parser.add_argument("--only", choices=(PASSAGES_MODE, "models"), help="passages mode, or the models, alone")
    parser.add_argument("--threads", type=int, default=2, help="threads of the model")
    parser.add_argument("--sample", type=int, help="questions with an answer, and as many without, for each model")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    given = parser.parse_args(arguments)
    if any(len(one) < len(("NAME", "DATA", "QUESTIONS")) for one in given.set):
        parser.error("--set needs a name, a data folder, and one or more files of questions")
    sets = [read_set(name, Path(data), list(map(Path, files))) for name, data, *files in given.set]
    _print(head())
    for one in sets if given.only != "models" else ():
        for line in lines(PASSAGES_MODE, one, ask_set(PASSAGES_MODE, one, AnswerSettings(model=""))):
            _print(line)
    if given.only == PASSAGES_MODE:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        program, models = given.server or find_program(), given.model or find_models(Path(folder))
        if not (program and program.is_file() and models and all(map(Path.is_file, models))):
            sys.stderr.write(f"No llama.cpp server and model were found. {HOW_TO_GET} Without them: --only passages.\n")
            return 2
        asked = [one.sample(given.sample, given.seed) for one in sets] if given.sample else sets
        for model in models:
            with served_model(program, model, given.threads) as answer:
                for one in asked:
                    for line in lines(model.stem, one, ask_set(model.stem, one, answer)):
                        _print(line)
    return 0


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
