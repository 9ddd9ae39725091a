"""Whether anything was found: a logistic regression on the search's own signals.

The numbers are data, fitted by `magpie train-decision` (rag/evaluation/calibration.py): `confidence.json` beside this
file, or `decision.json` in the data folder, fitted on questions of the team's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.errors import OperatorMustAct

NAME = "decision.json"


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one signal: its mean and standard deviation where it was fitted, and what a deviation of one counts."""

    mean: float
    scale: float
    weight: float


@dataclass(frozen=True, slots=True)
class Decision:
    """`threshold`: the probability, 0 to 1, below which nothing counts as found.

    `asked` questions were fitted on; `auroc`, `absent` and `present` (the shares declined of those without and with an
    answer) were measured on documents that the fit had not seen.
    """

    bias: float
    weights: Mapping[str, Weight]
    threshold: float
    asked: int = 0
    auroc: float = 0.5
    absent: float = 0.0
    present: float = 0.0

    def sure(self, signals: Mapping[str, float]) -> float:
        """The probability, 0 to 1, that the answer is there; a signal that is missing counts as an average one."""
        logit = self.bias
        for name, one in self.weights.items():
            if name in signals:
                logit += one.weight * (signals[name] - one.mean) / one.scale
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))


Decisions = Mapping[str, Decision]
"""By what is asked: "question", "few" (a question among few chunks) or "picture"."""


def load(data: Path) -> Decisions:
    """The decisions fitted in this data folder, and for the others the ones that Magpie brings.

    Raise OperatorMustAct for a file that is there and cannot be read.
    """
    return {**_read(Path(__file__).with_name("confidence.json")), **_read(data / NAME)}


def save(data: Path, decisions: Decisions) -> Path:
    """Keep them in the data folder, beside others fitted there; they are used from the next start."""
    path = data / NAME
    shape = {name: asdict(one) for name, one in {**_read(path), **decisions}.items()}
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(shape, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


def _read(path: Path) -> Decisions:
    if not path.is_file():
        return {}
    try:
        shape = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): _decision(row) for name, row in shape.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise OperatorMustAct(
            f"The decision in {path} cannot be read.", "Delete it, or make it again: magpie train-decision."
        ) from error


def _decision(row: Mapping[str, Any]) -> Decision:
    weights = {str(name): Weight(**one) for name, one in row["weights"].items()}
    if not all(math.isfinite(one.mean + one.weight) and one.scale > 0 for one in weights.values()):
        raise ValueError
    return Decision(**{**row, "weights": weights})
