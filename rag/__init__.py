"""The public API of rag: retrieval and answers over what a team shares. It knows nothing of Slack.

bot/ imports from here and from nowhere else in rag. The module of a name is imported when the name is first used: the
engine takes a second to import, and `magpie --help` does not need it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

_MODULES = {
    # The engine
    "open_rag": "rag.build",
    "History": "rag.catalog.migrate",
    "Rag": "rag.engine",
    "Settings": "rag.settings",
    "load_settings": "rag.settings",
    "invalid_setting": "rag.settings",
    "hide_memory": "rag.sandbox",
    # Results
    "Answer": "rag.model",
    "Check": "rag.model",
    "DocumentRow": "rag.model",
    "Found": "rag.model",
    "Hit": "rag.model",
    "Mode": "rag.model",
    "ModelRow": "rag.model",
    "Outcome": "rag.model",
    "Passage": "rag.model",
    "Status": "rag.model",
    "Kept": "rag.operations.retention",
    "Progress": "rag.ingest.worker",
    # Errors
    "BadSetting": "rag.errors",
    "Busy": "rag.errors",
    "MagpieError": "rag.errors",
    "NotFound": "rag.errors",
    "OperatorMustAct": "rag.errors",
    "TryAgain": "rag.errors",
    "Unreadable": "rag.errors",
    "UserCanFix": "rag.errors",
    # Spaces, shares and what a search may use
    "Scope": "rag.model",
    "Allowed": "rag.catalog.shares",
    "Share": "rag.catalog.shares",
    "Standing": "rag.catalog.sources",
    "allowed": "rag.catalog.shares",
    "documents_named": "rag.catalog.shares",
    "drop_share": "rag.catalog.shares",
    "files_waiting": "rag.catalog.sources",
    "gone": "rag.catalog.shares",
    "is_shared": "rag.catalog.shares",
    "leave_space": "rag.catalog.shares",
    "move_space": "rag.catalog.shares",
    "names_of": "rag.catalog.shares",
    "names_within": "rag.catalog.shares",
    "put_share": "rag.catalog.shares",
    "settle_share": "rag.catalog.shares",
    "shared_in": "rag.catalog.shares",
    "spaces_of": "rag.catalog.shares",
    "standings": "rag.catalog.sources",
    "standings_in": "rag.catalog.sources",
    "sums_of": "rag.catalog.shares",
    "withheld": "rag.catalog.shares",
    "withheld_in": "rag.catalog.shares",
    "withhold_share": "rag.catalog.shares",
    # Downloads
    "Fetched": "rag.ports",
    "Fetcher": "rag.ports",
    "ReadTransaction": "rag.ports",
    "UrlFetcher": "rag.ingest.fetch.urls",
    "is_url": "rag.ingest.fetch.addresses",
    # Questions and answers
    "Rounds": "rag.fairness",
    "Turn": "rag.answer.query_rewrite",
    "stands_alone": "rag.answer.query_rewrite",
    "without_invisible": "rag.text",
    # Evaluation and training
    "ConfidenceModel": "rag.search.confidence",
    "Trained": "rag.vectors.projection",
    "measure": "rag.evaluation.evaluate",
    "train_decision": "rag.evaluation.calibration",
    "write_report": "rag.evaluation.report",
    # The model server and its benchmark
    "LoopbackOnly": "rag.model_server.loopback",
    "open_host": "rag.model_server.server",
    "Replicas": "rag.model_server.replicas",
    "open_replicas": "rag.model_server.replicas",
    "Benched": "rag.evaluation.benchmark",
    "Wanted": "rag.evaluation.benchmark",
    "measure_embedder": "rag.build",
}
"""Every public name and the module that defines it."""

__all__ = list(_MODULES)

if TYPE_CHECKING:  # the same names, for type checkers; `as` marks them as exported
    # isort: off
    from rag.answer.query_rewrite import Turn as Turn, stands_alone as stands_alone
    from rag.build import measure_embedder as measure_embedder, open_rag as open_rag
    from rag.catalog.migrate import History as History
    from rag.catalog.shares import (
        Allowed as Allowed,
        Share as Share,
        allowed as allowed,
        documents_named as documents_named,
        drop_share as drop_share,
        gone as gone,
        is_shared as is_shared,
        leave_space as leave_space,
        move_space as move_space,
        names_of as names_of,
        names_within as names_within,
        put_share as put_share,
        settle_share as settle_share,
        shared_in as shared_in,
        spaces_of as spaces_of,
        sums_of as sums_of,
        withheld as withheld,
        withheld_in as withheld_in,
        withhold_share as withhold_share,
    )
    from rag.catalog.sources import (
        Standing as Standing,
        files_waiting as files_waiting,
        standings as standings,
        standings_in as standings_in,
    )
    from rag.engine import Rag as Rag
    from rag.errors import (
        BadSetting as BadSetting,
        Busy as Busy,
        MagpieError as MagpieError,
        NotFound as NotFound,
        OperatorMustAct as OperatorMustAct,
        TryAgain as TryAgain,
        Unreadable as Unreadable,
        UserCanFix as UserCanFix,
    )
    from rag.evaluation.benchmark import Benched as Benched, Wanted as Wanted
    from rag.evaluation.calibration import train_decision as train_decision
    from rag.evaluation.evaluate import measure as measure
    from rag.evaluation.report import write_report as write_report
    from rag.fairness import Rounds as Rounds
    from rag.ingest.fetch.addresses import is_url as is_url
    from rag.ingest.fetch.urls import UrlFetcher as UrlFetcher
    from rag.ingest.worker import Progress as Progress
    from rag.model import (
        Answer as Answer,
        Check as Check,
        DocumentRow as DocumentRow,
        Found as Found,
        Hit as Hit,
        Mode as Mode,
        ModelRow as ModelRow,
        Outcome as Outcome,
        Passage as Passage,
        Scope as Scope,
        Status as Status,
    )
    from rag.model_server.loopback import LoopbackOnly as LoopbackOnly
    from rag.model_server.replicas import Replicas as Replicas, open_replicas as open_replicas
    from rag.model_server.server import open_host as open_host
    from rag.operations.retention import Kept as Kept
    from rag.ports import Fetched as Fetched, Fetcher as Fetcher, ReadTransaction as ReadTransaction
    from rag.sandbox import hide_memory as hide_memory
    from rag.search.confidence import ConfidenceModel as ConfidenceModel
    from rag.settings import (
        Settings as Settings,
        invalid_setting as invalid_setting,
        load_settings as load_settings,
    )
    from rag.text import without_invisible as without_invisible
    from rag.vectors.projection import Trained as Trained
    # isort: on
else:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'rag' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)
