"""Fit the decision that Magpie ships: `python -m tests.bench.confidence NAME DATA QUESTIONS [NAME DATA QUESTIONS ...]`.

Each set is a question file of `magpie eval` and a data folder in which its files are indexed; the same questions with
and without text vectors are two sets. All sets count the same. The models for questions are written to
rag/search/confidence.json, with the sets that they were fitted on; the one for pictures is kept. The settings of each
data folder and of the environment apply.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rag import MagpieError, load_settings, open_rag
from rag.evaluation.calibration import Sample, collect_samples, fit_all
from rag.evaluation.metrics import ThresholdPoint
from rag.search.confidence import BUILT_IN, MADE, ConfidenceModel

_KINDS = ("question", "few")


def collect(sets: Sequence[tuple[str, Path, Path]]) -> dict[str, list[Sample]]:
    """Return the searches of all sets, by kind; a file with the same name in two sets is the same file."""
    samples: dict[str, list[Sample]] = {kind: [] for kind in _KINDS}
    for name, data, questions in sets:
        with open_rag(load_settings(data)) as rag:
            found = collect_samples(rag, questions, lambda done, total: None, name)
        for kind in _KINDS:
            samples[kind] += found[kind]
        sys.stderr.write(f"{name}: {len(found['question'])} searches\n")
    return samples


def curves(rows: Sequence[Sample], model: ConfidenceModel, points: Sequence[ThresholdPoint]) -> Iterator[str]:
    """Yield what thresholds around the chosen one decline, measured on documents left out of the fit."""
    near = [point for point in points if abs(point.threshold - model.threshold) <= 0.1]
    for point in near[:: max(1, len(near) // 20)]:
        chosen = "  chosen" if point.threshold == model.threshold else ""
        yield f"  {point.threshold:.3f}  without an answer {point.absent:6.1%}  with one {point.present:6.1%}{chosen}"
    for name in dict.fromkeys(row.set for row in rows):
        mine = [row for row in rows if row.set == name and row.is_small == all(one.is_small for one in rows)]
        declined = [not row.signals or model.confidence(row.signals) < model.threshold for row in mine]
        yield f"  {name}: " + ", ".join(
            f"{sum(no for no, row in zip(declined, mine, strict=True) if row.present is present)} of "
            f"{sum(row.present is present for row in mine)} {label} declined"
            for present, label in ((True, "with an answer"), (False, "without"))
        )


def write(models: Mapping[str, ConfidenceModel], sets: Mapping[str, int], wrongly: float, into: Path) -> None:
    """Write the models to a file, beside the ones for other kinds that Magpie ships."""
    shape = json.loads(BUILT_IN.read_text(encoding="utf-8"))
    shape |= {kind: asdict(model) for kind, model in models.items()}
    shape[MADE] = {"command": "python -m tests.bench.confidence", "searches": dict(sets), "wrongly": wrongly}
    into.write_text(json.dumps(shape, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", help="for each set its name, its data folder and its question file")
    parser.add_argument(
        "--wrongly",
        type=float,
        default=0.03,
        help="largest share of answerable questions of any set that may be declined",
    )
    parser.add_argument("--into", type=Path, default=BUILT_IN, help="the file to write")
    options = parser.parse_args(arguments)
    if len(options.sets) % 3:
        parser.error("give a name, a data folder and a question file for each set")
    triples = [options.sets[start : start + 3] for start in range(0, len(options.sets), 3)]
    try:
        samples = collect([(name, Path(data), Path(questions)) for name, data, questions in triples])
    except MagpieError as error:
        sys.stderr.write(f"{error} {error.hint}\n")
        return 1
    made = fit_all(samples, options.wrongly)
    if made is None:
        sys.stderr.write("Too few questions.\n")
        return 1
    for kind, (model, points) in made.items():
        sys.stdout.write(
            f"{kind}: {model.asked} searches, AUROC {model.auroc:.1%}, threshold {model.threshold:.3f} declines "
            f"{model.absent:.1%} without and {model.present:.1%} with an answer\n"
        )
        sys.stdout.write("\n".join(curves(samples[kind], model, points)) + "\n")
    counts = {name: sum(row.set == name for row in samples["question"]) for name, _, _ in triples}
    write({kind: model for kind, (model, _) in made.items()}, counts, options.wrongly, options.into)
    return 0


if __name__ == "__main__":
    sys.exit(main())
