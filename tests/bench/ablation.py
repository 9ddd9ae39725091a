"""Measure what each lane and each query feature is worth: `python -m tests.bench.ablation DATA --questions Q.jsonl`.

The questions of a file are asked over everything indexed in a data folder, within their own file and over all files:
first with all lanes and features, then without one of them at a time. Nothing is written. No other process may use the
folder.

The columns after the recalls compare with everything: how many more questions have their page in the first five, net,
with the 95 % interval of a paired bootstrap. Then follow the kinds of documents in which at least two more do: there
the lane or feature does harm. `--features` leaves out the lanes.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import MagpieError, Settings, evaluate_search, load_settings, open_rag
from rag.evaluation.metrics import CUTOFFS, mean, percentile, recall_at
from rag.setting_groups import LANES

_COMPARED = 5
"""Pages among which a question's page is found or lost."""

_SAMPLES = 2000
_HARMED = 2.0
"""Questions, net, that a kind of document gains without a feature which harms it."""

_KEY = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Measured:
    """The recalls of each question at each cut by (id, whether within its own file), and its kind of document."""

    recalls: Mapping[_KEY, tuple[float, ...]]
    kinds: Mapping[str, str]

    def means(self) -> list[float]:
        """Return the recall at each cut, 0 to 1, within the own file and then over all files."""
        rows = [[row for (_, inside), row in self.recalls.items() if inside is within] for within in (True, False)]
        return [mean([row[cut] for row in group]) or 0.0 for group in rows for cut in range(len(CUTOFFS))]

    def gains_over(self, other: Measured, *, within: bool) -> dict[str, float]:
        """Return by question how much more of its pages is found here, from -1 to 1."""
        cut = CUTOFFS.index(_COMPARED)
        return {
            id: row[cut] - other.recalls[id, inside][cut]
            for (id, inside), row in self.recalls.items()
            if inside is within
        }


def variants(settings: Settings, *, lanes: bool = True) -> Iterator[tuple[str, Settings]]:
    """Yield (name, settings) with everything, with everything but one, and with one lane alone."""
    yield "everything", settings
    search = settings.search
    for lane in search.lanes if lanes else ():
        rest = tuple(other for other in search.lanes if other != lane)
        yield f"without lane {lane}", _with(settings, lanes=rest)
    for lane in search.lanes if lanes else ():
        yield f"lane {lane} alone", _with(settings, lanes=(lane,))
    for feature in search.query_features:
        rest = tuple(other for other in search.query_features if other != feature)
        yield f"without {feature}", _with(settings, query_features=rest)
    yield "without any of these", _with(settings, query_features=())


def _with(settings: Settings, **changed: Sequence[str]) -> Settings:
    return settings.model_copy(update={"search": settings.search.model_copy(update=changed)})


def measure(settings: Settings, questions: Path) -> tuple[Measured, list[str]]:
    """Return what is found of each question that has an answer, and the lanes that were on."""
    recalls: dict[_KEY, tuple[float, ...]] = {}
    kinds: dict[str, str] = {}
    lanes: set[str] = set()
    with open_rag(settings) as rag:
        for within in (True, False):
            for result in evaluate_search(rag, questions, within=within).results:
                lanes |= {lane for lane, pages in result.lanes.items() if pages}
                if result.gold:
                    kinds[result.question.id] = result.question.domain
                    recalls[result.question.id, within] = tuple(
                        recall_at(result.ranked, result.gold, cut) for cut in CUTOFFS
                    )
    return Measured(recalls, kinds), [lane for lane in LANES if lane in lanes]


def interval(gains: Sequence[float], seed: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of the sum of the gains, by a bootstrap over the questions."""
    rng = random.Random(seed)
    sums = [sum(rng.choices(gains, k=len(gains))) for _ in range(_SAMPLES)]
    return percentile(sums, 0.025), percentile(sums, 0.975)


def harmed_kinds(gains: Mapping[str, float], kinds: Mapping[str, str]) -> dict[str, float]:
    """Return the kinds of documents that gain at least two questions, net, and how many."""
    sums: dict[str, float] = {}
    for id, gain in gains.items():
        sums[kinds[id]] = sums.get(kinds[id], 0.0) + gain
    return {kind: value for kind, value in sorted(sums.items()) if value >= _HARMED}


def line(name: str, measured: Measured, whole: Measured) -> str:
    """Return a line of the table."""
    cells = [f"{100 * value:6.1f}" for value in measured.means()]
    found = f"{name:30}{' '.join(cells[: len(CUTOFFS)])}   {' '.join(cells[len(CUTOFFS) :])}"
    if measured is whole:
        return found
    harmed: dict[str, float] = {}
    for within in (True, False):
        gains = measured.gains_over(whole, within=within)
        low, high = interval(list(gains.values()))
        found += f"   {sum(gains.values()):+6.1f} [{low:.1f}, {high:.1f}]".ljust(25)
        place = "within" if within else "all"
        harmed |= {f"{kind} ({place})": value for kind, value in harmed_kinds(gains, measured.kinds).items()}
    return found + "".join(f"  {kind} {value:+.1f}" for kind, value in harmed.items())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="data folder in which the files of the questions are indexed")
    parser.add_argument("--questions", type=Path, required=True, help="as for magpie eval")
    parser.add_argument("--features", action="store_true", help="the query features only, no lanes")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(options.data)
        whole, lanes = measure(settings, options.questions)
        head = " ".join(f"{f'R@{cut}':>6}" for cut in CUTOFFS)
        _say(f"{'':30}{'within':<{len(head) + 3}}{'all files':<{len(head) + 3}}net within, net all")
        _say(f"{'':30}{head}   {head}")
        for name, changed in variants(_with(settings, lanes=lanes), lanes=not options.features):
            measured = whole if name == "everything" else measure(changed, options.questions)[0]
            _say(line(name, measured, whole))
    except MagpieError as error:
        sys.stderr.write(f"{error} {error.hint}\n")
        return 1
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
