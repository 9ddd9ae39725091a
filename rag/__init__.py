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
from rag.model import Answer, Check, DocumentRow, Found, Hit, Kind, Mode, ModelRow, Outcome, Passage, Scope, Status
from rag.sandbox import hide_memory
from rag.settings import Settings, load_settings, names, variable
from rag.text import without_invisible

if TYPE_CHECKING:
    from rag.answer.query_rewrite import Turn, stands_alone
    from rag.build import open_rag
    from rag.catalog.shares import (
        Allowed,
        Share,
        Standing,
        allowed,
        documents_named,
        drop_share,
        files_waiting,
        gone,
        is_shared,
        leave_space,
        move_space,
        names_of,
        names_within,
        put_share,
        settle_share,
        shared_in,
        spaces_of,
        standings,
        standings_in,
        sums_of,
        withheld,
        withheld_in,
        withhold_share,
    )
    from rag.engine import Rag
    from rag.evaluation.benchmark import Benched, Wanted, measure_embedder
    from rag.evaluation.calibration import Fitted, train_decision
    from rag.evaluation.evaluate import measure
    from rag.evaluation.report import write_report
    from rag.fairness import Rounds
    from rag.ingest.fetch.addresses import is_url
    from rag.ingest.fetch.urls import UrlFetcher
    from rag.ingest.worker import Progress
    from rag.model_server.loopback import LoopbackOnly
    from rag.model_server.replicas import Replicas, open_replicas
    from rag.model_server.server import OpenHost, open_host
    from rag.operations.retention import Kept
    from rag.ports import Fetched, Fetcher, ReadTransaction
    from rag.search.confidence import Decision
    from rag.vectors.projection import Trained

# Looked up when first used: the reading processes and `--help` need none of the engine.
_LATER = {
    "Benched": "rag.evaluation.benchmark",
    "Wanted": "rag.evaluation.benchmark",
    "measure_embedder": "rag.evaluation.benchmark",
    "Fetched": "rag.ports",
    "Fetcher": "rag.ports",
    "ReadTransaction": "rag.ports",
    "Progress": "rag.ingest.worker",
    "Rag": "rag.engine",
    "Decision": "rag.search.confidence",
    "Fitted": "rag.evaluation.calibration",
    "Kept": "rag.operations.retention",
    "LoopbackOnly": "rag.model_server.loopback",
    "Trained": "rag.vectors.projection",
    "train_decision": "rag.evaluation.calibration",
    "Allowed": "rag.catalog.shares",
    "Share": "rag.catalog.shares",
    "Turn": "rag.answer.query_rewrite",
    "allowed": "rag.catalog.shares",
    "gone": "rag.catalog.shares",
    "is_shared": "rag.catalog.shares",
    "Standing": "rag.catalog.shares",
    "UrlFetcher": "rag.ingest.fetch.urls",
    "documents_named": "rag.catalog.shares",
    "drop_share": "rag.catalog.shares",
    "files_waiting": "rag.catalog.shares",
    "is_url": "rag.ingest.fetch.addresses",
    "leave_space": "rag.catalog.shares",
    "OpenHost": "rag.model_server.server",
    "measure": "rag.evaluation.evaluate",
    "open_host": "rag.model_server.server",
    "Replicas": "rag.model_server.replicas",
    "Rounds": "rag.fairness",
    "open_replicas": "rag.model_server.replicas",
    "write_report": "rag.evaluation.report",
    "move_space": "rag.catalog.shares",
    "names_of": "rag.catalog.shares",
    "names_within": "rag.catalog.shares",
    "open_rag": "rag.build",
    "put_share": "rag.catalog.shares",
    "withhold_share": "rag.catalog.shares",
    "withheld_in": "rag.catalog.shares",
    "withheld": "rag.catalog.shares",
    "settle_share": "rag.catalog.shares",
    "shared_in": "rag.catalog.shares",
    "spaces_of": "rag.catalog.shares",
    "stands_alone": "rag.answer.query_rewrite",
    "standings": "rag.catalog.shares",
    "standings_in": "rag.catalog.shares",
    "sums_of": "rag.catalog.shares",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


__all__ = [
    "Allowed",
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
    "Kept",
    "Kind",
    "LoopbackOnly",
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
    "ReadTransaction",
    "ReaderStopped",
    "Replicas",
    "Rounds",
    "Scope",
    "Settings",
    "Share",
    "Standing",
    "Status",
    "StoreBroken",
    "Trained",
    "TryAgain",
    "Turn",
    "Unreadable",
    "UrlFetcher",
    "UserCanFix",
    "Wanted",
    "WeightsMissing",
    "allowed",
    "documents_named",
    "drop_share",
    "files_waiting",
    "gone",
    "hide_memory",
    "is_shared",
    "is_url",
    "leave_space",
    "load_settings",
    "measure",
    "measure_embedder",
    "move_space",
    "names",
    "names_of",
    "names_within",
    "open_host",
    "open_rag",
    "open_replicas",
    "put_share",
    "settle_share",
    "shared_in",
    "spaces_of",
    "standings",
    "standings_in",
    "stands_alone",
    "sums_of",
    "train_decision",
    "variable",
    "withheld",
    "withheld_in",
    "withhold_share",
    "without_invisible",
    "write_report",
]
