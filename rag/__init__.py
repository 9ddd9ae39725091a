"""Retrieval and answers over what a team shares. Knows no Slack.

The front door: everything bot/ may use is named here. Opening it imports nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rag.errors import (
    BadSetting,
    Busy,
    CatalogUnfit,
    EmbedderBusy,
    EmbedderDown,
    EmbedderFailed,
    GeneratorBusy,
    GeneratorDown,
    GeneratorFailed,
    GeneratorTimeout,
    MagpieError,
    ModelMissing,
    ModelUnfit,
    NotFound,
    OperatorMustAct,
    ReaderStopped,
    StoreBroken,
    TryAgain,
    Unreadable,
    UserCanFix,
    WeightsMissing,
)
from rag.model import Answer, Check, Found, Hit, Kind, Mode, Passage, Scope, Status
from rag.settings import Settings, load_settings, names, variable

if TYPE_CHECKING:
    from rag.bench import Benched, Wanted, measure_embedder
    from rag.calibrate import Fitted, train_decision
    from rag.decide import Decision
    from rag.evaluate import measure
    from rag.hosting import OpenHost, open_host
    from rag.pipeline import DocumentRow, ModelRow, Outcome, Rag, open_rag
    from rag.ports import Fetched, Fetcher
    from rag.projection import Trained
    from rag.replicas import Replicas, open_replicas
    from rag.report import write_report
    from rag.shares import (
        Share,
        Standing,
        drop_share,
        leave_space,
        move_space,
        put_share,
        shared_in,
        spaces_of,
        standings,
    )
    from rag.web.addresses import is_url
    from rag.web.fetch import UrlFetcher
    from rag.work import Progress

# Looked up when first used: the reading processes and `--help` need none of the engine.
_LATER = {
    "Benched": "rag.bench",
    "DocumentRow": "rag.pipeline",
    "Wanted": "rag.bench",
    "measure_embedder": "rag.bench",
    "Fetched": "rag.ports",
    "Fetcher": "rag.ports",
    "ModelRow": "rag.pipeline",
    "Outcome": "rag.pipeline",
    "Progress": "rag.work",
    "Rag": "rag.pipeline",
    "Decision": "rag.decide",
    "Fitted": "rag.calibrate",
    "Trained": "rag.projection",
    "train_decision": "rag.calibrate",
    "Share": "rag.shares",
    "Standing": "rag.shares",
    "UrlFetcher": "rag.web.fetch",
    "drop_share": "rag.shares",
    "is_url": "rag.web.addresses",
    "leave_space": "rag.shares",
    "OpenHost": "rag.hosting",
    "measure": "rag.evaluate",
    "open_host": "rag.hosting",
    "Replicas": "rag.replicas",
    "open_replicas": "rag.replicas",
    "write_report": "rag.report",
    "move_space": "rag.shares",
    "open_rag": "rag.pipeline",
    "put_share": "rag.shares",
    "shared_in": "rag.shares",
    "spaces_of": "rag.shares",
    "standings": "rag.shares",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


__all__ = [
    "Answer",
    "BadSetting",
    "Benched",
    "Busy",
    "CatalogUnfit",
    "Check",
    "Decision",
    "DocumentRow",
    "EmbedderBusy",
    "EmbedderDown",
    "EmbedderFailed",
    "Fetched",
    "Fetcher",
    "Fitted",
    "Found",
    "GeneratorBusy",
    "GeneratorDown",
    "GeneratorFailed",
    "GeneratorTimeout",
    "Hit",
    "Kind",
    "MagpieError",
    "Mode",
    "ModelMissing",
    "ModelRow",
    "ModelUnfit",
    "NotFound",
    "OpenHost",
    "OperatorMustAct",
    "Outcome",
    "Passage",
    "Progress",
    "Rag",
    "ReaderStopped",
    "Replicas",
    "Scope",
    "Settings",
    "Share",
    "Standing",
    "Status",
    "StoreBroken",
    "Trained",
    "TryAgain",
    "Unreadable",
    "UrlFetcher",
    "UserCanFix",
    "Wanted",
    "WeightsMissing",
    "drop_share",
    "is_url",
    "leave_space",
    "load_settings",
    "measure",
    "measure_embedder",
    "move_space",
    "names",
    "open_host",
    "open_rag",
    "open_replicas",
    "put_share",
    "shared_in",
    "spaces_of",
    "standings",
    "train_decision",
    "variable",
    "write_report",
]
