"""Retrieval and answers over what a team shares. Knows no Slack.

The front door: everything bot/ may use is named here. Opening it imports nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rag.confinement import hide_memory
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
from rag.model import (
    Answer,
    Check,
    DocumentRow,
    Found,
    Hit,
    Kind,
    Mode,
    ModelRow,
    Outcome,
    Passage,
    Scope,
    Status,
)
from rag.plain import without_invisible
from rag.settings import Settings, load_settings, names, variable

if TYPE_CHECKING:
    from rag.bench import Benched, Wanted, measure_embedder
    from rag.calibrate import Fitted, train_decision
    from rag.condense import Turn, stands_alone
    from rag.decide import Decision
    from rag.evaluate import measure
    from rag.hosting import OpenHost, open_host
    from rag.kept import Kept
    from rag.pipeline import Rag, open_rag
    from rag.ports import Fetched, Fetcher
    from rag.projection import Trained
    from rag.replicas import Replicas, open_replicas
    from rag.report import write_report
    from rag.rounds import Rounds
    from rag.serve.hosts import LoopbackOnly
    from rag.shares import (
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
    from rag.web.addresses import is_url
    from rag.web.fetch import UrlFetcher
    from rag.work import Progress

# Looked up when first used: the reading processes and `--help` need none of the engine.
_LATER = {
    "Benched": "rag.bench",
    "Wanted": "rag.bench",
    "measure_embedder": "rag.bench",
    "Fetched": "rag.ports",
    "Fetcher": "rag.ports",
    "Progress": "rag.work",
    "Rag": "rag.pipeline",
    "Decision": "rag.decide",
    "Fitted": "rag.calibrate",
    "Kept": "rag.kept",
    "LoopbackOnly": "rag.serve.hosts",
    "Trained": "rag.projection",
    "train_decision": "rag.calibrate",
    "Allowed": "rag.shares",
    "Share": "rag.shares",
    "Turn": "rag.condense",
    "allowed": "rag.shares",
    "gone": "rag.shares",
    "is_shared": "rag.shares",
    "Standing": "rag.shares",
    "UrlFetcher": "rag.web.fetch",
    "documents_named": "rag.shares",
    "drop_share": "rag.shares",
    "files_waiting": "rag.shares",
    "is_url": "rag.web.addresses",
    "leave_space": "rag.shares",
    "OpenHost": "rag.hosting",
    "measure": "rag.evaluate",
    "open_host": "rag.hosting",
    "Replicas": "rag.replicas",
    "Rounds": "rag.rounds",
    "open_replicas": "rag.replicas",
    "write_report": "rag.report",
    "move_space": "rag.shares",
    "names_of": "rag.shares",
    "names_within": "rag.shares",
    "open_rag": "rag.pipeline",
    "put_share": "rag.shares",
    "withhold_share": "rag.shares",
    "withheld_in": "rag.shares",
    "withheld": "rag.shares",
    "settle_share": "rag.shares",
    "shared_in": "rag.shares",
    "spaces_of": "rag.shares",
    "stands_alone": "rag.condense",
    "standings": "rag.shares",
    "standings_in": "rag.shares",
    "sums_of": "rag.shares",
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
