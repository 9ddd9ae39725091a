"""Estimate how likely it is that a search found an answer, by a logistic regression on the search's signals.

The coefficients are fitted by rag/evaluation/calibration.py. Magpie ships `confidence.json` beside this file, which
`python -m tests.bench.confidence` makes; `decision.json` in the data folder, fitted on the team's own questions by
`magpie train-decision`, takes precedence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.errors import OperatorMustAct

FILE_NAME = "decision.json"

BUILT_IN = Path(__file__).with_name("confidence.json")

MADE = "made"
"""The entry of `confidence.json` that says how the models were made."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One signal's mean and standard deviation (`scale`) in the fit, and the weight of one standard deviation."""

    mean: float
    scale: float
    weight: float


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """Coefficients for one kind of query, and how good the fit was.

    `threshold`: the confidence, 0 to 1, below which the search abstains. `asked`: how many queries it was fitted on.
    `auroc`, and the shares of queries without (`absent`) and with (`present`) an answer for which it abstains, were
    measured on documents left out of the fit. The fields are those of the JSON file.
    """

    bias: float
    weights: Mapping[str, Weight]
    threshold: float
    asked: int = 0
    auroc: float = 0.5
    absent: float = 0.0
    present: float = 0.0

    def confidence(self, signals: Mapping[str, float]) -> float:
        """Return the probability, 0 to 1, that an answer was found; a missing signal counts as an average one."""
        logit = self.bias
        for name, weight in self.weights.items():
            if name in signals:
                logit += weight.weight * (signals[name] - weight.mean) / weight.scale
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, logit))))


ConfidenceModels = Mapping[str, ConfidenceModel]
"""Models by the kind of query: "question", "few" (a question when few chunks are indexed) or "picture"."""


def load(data: Path) -> ConfidenceModels:
    """Return the models fitted in this data folder, and the ones that Magpie ships for all other kinds.

    Raise OperatorMustAct for a file that exists and cannot be read.
    """
    return {**_read(BUILT_IN), **_read(data / FILE_NAME)}


def save(data: Path, models: ConfidenceModels) -> Path:
    """Save models beside others in the data folder and return the path. They are used after a restart."""
    path = data / FILE_NAME
    shape = {name: asdict(model) for name, model in {**_read(path), **models}.items()}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(shape, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)
    return path


def _read(path: Path) -> ConfidenceModels:
    if not path.is_file():
        return {}
    try:
        shape = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): _parse(row) for name, row in shape.items() if name != MADE}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise OperatorMustAct(
            f"The decision in {path} cannot be read.", "Delete it, or fit it again: magpie train-decision."
        ) from error


def _parse(row: Mapping[str, Any]) -> ConfidenceModel:
    weights = {str(name): Weight(**fields) for name, fields in row["weights"].items()}
    if not all(math.isfinite(weight.mean + weight.weight) and weight.scale > 0 for weight in weights.values()):
        raise ValueError
    return ConfidenceModel(**{**row, "weights": weights})
