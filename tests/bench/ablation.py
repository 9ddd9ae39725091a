"""Measure what each lane and each query feature is worth: `python -m tests.bench.ablation DATA --questions Q.jsonl`.

The questions of a file are asked over everything indexed in a data folder, within their own file and over all files:
first with all lanes and features, then without one of them at a time. Nothing is written. No other process may use the
folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag import MagpieError, Settings, evaluate_search, load_settings, open_rag
from rag.evaluation.metrics import CUTOFFS
from rag.settings import LANES


def variants(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """Yield (name, settings) with everything, with everything but one, and with one lane alone."""
    yield "everything", settings
    search = settings.search
    for lane in search.lanes:
        rest = tuple(other for other in search.lanes if other != lane)
        yield f"without lane {lane}", _with(settings, lanes=rest)
    for lane in search.lanes:
        yield f"lane {lane} alone", _with(settings, lanes=(lane,))
    for feature in search.query_features:
        rest = tuple(other for other in search.query_features if other != feature)
        yield f"without {feature}", _with(settings, query_features=rest)
    yield "without any of these", _with(settings, query_features=())


def _with(settings: Settings, **changed: Sequence[str]) -> Settings:
    return settings.model_copy(update={"search": settings.search.model_copy(update=changed)})


def figures(settings: Settings, questions: Path) -> tuple[list[float], list[str]]:
    """Return (recall at each cut within the own file, then over all files; lanes that were on)."""
    found: list[float] = []
    with open_rag(settings) as rag:
        for within in (True, False):
            report = evaluate_search(rag, questions, within=within)
            fused = report.to_json()["fused"]
            assert isinstance(fused, dict)
            found += [fused[f"recall@{cut}"] or 0.0 for cut in CUTOFFS]
        lanes = [lane for lane in LANES if any(row.lanes.get(lane) for row in report.results)]
    return found, lanes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="data folder in which the files of the questions are indexed")
    parser.add_argument("--questions", type=Path, required=True, help="as for magpie eval")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(options.data)
        whole, lanes = figures(settings, options.questions)
        head = " ".join(f"{f'R@{cut}':>6}" for cut in CUTOFFS)
        _say(f"{'':26}{'within':<{len(head) + 3}}all files")
        _say(f"{'':26}{head}   {head}")
        for name, changed in variants(_with(settings, lanes=lanes)):
            row = whole if name == "everything" else figures(changed, options.questions)[0]
            cells = [f"{100 * value:6.1f}" for value in row]
            _say(f"{name:26}{' '.join(cells[: len(CUTOFFS)])}   {' '.join(cells[len(CUTOFFS) :])}")
    except MagpieError as error:
        sys.stderr.write(f"{error} {error.hint}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
