"""The public API of rag: retrieval and answers over what a team shares. It does not depend on Slack.

bot/ imports from rag only what is listed here. The module of a name is imported when the name is first used, because
the engine takes a second to import and `magpie --help` does not need it.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

# ONNX Runtime, and PyMuPDF by it, reports its use to Microsoft unless this is set before it is loaded. Every process
# that loads it imports this package first.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_MODULES = {
    # The engine
    "open_rag": "rag.build",
    "describe_model": "rag.build",
    "MigrationHistory": "rag.catalog.migrate",
    "Rag": "rag.engine",
    "Settings": "rag.settings",
    "load_settings": "rag.settings_loading",
    "effective_settings": "rag.settings_loading",
    "shown_value": "rag.settings_loading",
    "SettingValue": "rag.settings_loading",
    "check_names": "rag.settings_file",
    "read_settings_file": "rag.settings_file",
    "settings_path": "rag.settings_file",
    "invalid_setting": "rag.settings_loading",
    "hide_memory": "rag.sandbox",
    "share_arenas": "rag.memory",
    "erase_index": "rag.data_dir",
    "make_private": "rag.data_dir",
    "explain_disk_error": "rag.disk",
    "keep_reserve": "rag.disk",
    "make_room": "rag.disk",
    # Results
    "Answer": "rag.model.search",
    "AnswerOptions": "rag.model.search",
    "answer_languages": "rag.search.language_names",
    "AnswerProgress": "rag.model.search",
    "AnswerStage": "rag.model.search",
    "Check": "rag.model.operations",
    "DocumentSummary": "rag.model.operations",
    "SearchResult": "rag.model.search",
    "Hit": "rag.model.search",
    "Mode": "rag.model.search",
    "ModelSummary": "rag.model.operations",
    "ModelTerms": "rag.model_terms",
    "terms_of_model": "rag.model_terms",
    "IndexOutcome": "rag.model.operations",
    "IndexState": "rag.model.operations",
    "PageContent": "rag.model.search",
    "Passage": "rag.model.search",
    "Status": "rag.model.operations",
    "StoredData": "rag.operations.retention",
    "Progress": "rag.ingest.worker",
    "FollowedFolder": "rag.model.operations",
    "list_folder": "rag.ingest.fetch.folders",
    "is_inside": "rag.ingest.fetch.addresses",
    "resolved_folder": "rag.ingest.fetch.addresses",
    # Errors
    "BadSetting": "rag.errors",
    "Busy": "rag.errors",
    "MagpieError": "rag.errors",
    "NotFound": "rag.errors",
    "OperatorMustAct": "rag.errors",
    "OriginUnavailable": "rag.errors",
    "TryAgain": "rag.errors",
    "Unreadable": "rag.errors",
    "UserCanFix": "rag.errors",
    # Spaces, shares and what a search may use
    "Scope": "rag.model.search",
    "AllowedDocument": "rag.catalog.shared_documents",
    "FileNote": "rag.model.operations",
    "FileReading": "rag.model.operations",
    "FileType": "rag.model.search",
    "HERE": "rag.search.limits",
    "LimitedQuery": "rag.search.limits",
    "ME": "rag.search.limits",
    "Posted": "rag.model.search",
    "QueryLimits": "rag.search.limits",
    "SharedFile": "rag.catalog.shared_documents",
    "list_added_files": "rag.catalog.shared_documents",
    "list_shared_files": "rag.catalog.shared_documents",
    "list_unread_files": "rag.catalog.unread_files",
    "has_unread": "rag.catalog.unread_files",
    "read_limits": "rag.search.limits",
    "visible_posts": "rag.catalog.shared_documents",
    "Share": "rag.catalog.shares",
    "ShareFilter": "rag.model.search",
    "ShareState": "rag.catalog.states",
    "SourceStatus": "rag.catalog.statuses",
    "SpaceListing": "rag.catalog.share_ends",
    "StoredShare": "rag.catalog.shares",
    "EXPIRED": "rag.catalog.share_ends",
    "cap_delays": "rag.catalog.delays",
    "check_space": "rag.catalog.share_ends",
    "count_shared_in": "rag.catalog.shares",
    "delete_source": "rag.catalog.share_ends",
    "documents_allowed": "rag.catalog.shared_documents",
    "documents_in_thread": "rag.catalog.shared_documents",
    "documents_named": "rag.catalog.shared_documents",
    "documents_of_source": "rag.catalog.shared_documents",
    "end_message": "rag.catalog.share_ends",
    "expire_departures": "rag.catalog.share_ends",
    "files_waiting": "rag.catalog.sources",
    "unshared_documents": "rag.catalog.shared_documents",
    "unshared_sha256": "rag.catalog.shared_documents",
    "upsert": "rag.catalog.dialects",
    "next_unlocked": "rag.catalog.dialects",
    "greatest": "rag.catalog.dialects",
    "is_any_of": "rag.catalog.any_of",
    "is_shared": "rag.catalog.shares",
    "leave_space": "rag.catalog.share_ends",
    "list_shares": "rag.catalog.shares",
    "move_delays": "rag.catalog.delays",
    "move_space": "rag.catalog.share_ends",
    "Heading": "rag.catalog.headings",
    "find_heading": "rag.catalog.headings",
    "names_of": "rag.catalog.shared_documents",
    "names_within": "rag.catalog.shared_documents",
    "put_share": "rag.catalog.shares",
    "refresh_source": "rag.catalog.sources",
    "request_fetch": "rag.catalog.sources",
    "remove_shares": "rag.catalog.share_ends",
    "settle_shares": "rag.catalog.share_ends",
    "shared_in": "rag.catalog.shares",
    "shared_messages": "rag.catalog.shares",
    "spaces_of": "rag.catalog.shares",
    "source_statuses": "rag.catalog.statuses",
    "source_statuses_in": "rag.catalog.statuses",
    "sha256_of": "rag.catalog.shared_documents",
    "share_revision": "rag.catalog.shared_documents",
    "visible_names": "rag.catalog.shared_documents",
    # Downloads
    "FetchResult": "rag.ports",
    "Fetcher": "rag.ports",
    "ReadTransaction": "rag.ports",
    "open_url_fetcher": "rag.ingest.fetch.urls",
    "is_url": "rag.ingest.fetch.addresses",
    # Questions and answers
    "IntakePriority": "rag.fairness",
    "RoundRobin": "rag.fairness",
    "merge_results": "rag.search.results",
    "Turn": "rag.answer.query_rewrite",
    "is_standalone": "rag.answer.query_rewrite",
    "group_similar": "rag.analysis.similar_texts",
    "quote": "rag.answer.excerpt",
    "without_invisible": "rag.text",
    # Operations
    "BackupSummary": "rag.operations.backup",
    "SteadyClock": "rag.clock",
    "restore_backup": "rag.operations.backup",
    "write_backup": "rag.operations.backup",
    "DeclaredMetric": "rag.metrics",
    "MetricSet": "rag.metrics",
    "Stage": "rag.observation",
    "Step": "rag.observation",
    # Evaluation and training
    "ConfidenceModel": "rag.search.confidence",
    "TrainedProjection": "rag.vectors.projection",
    "Comparison": "rag.evaluation.compare",
    "ComparedVariant": "rag.evaluation.compare",
    "compare_searches": "rag.evaluation.compare",
    "compared_variants": "rag.evaluation.compare",
    "measure_apart": "rag.build",
    "write_comparison": "rag.evaluation.compare",
    "evaluate_answers": "rag.evaluation.answers",
    "evaluate_search": "rag.evaluation.evaluate",
    "open_judge": "rag.build",
    "train_decision": "rag.evaluation.calibration",
    "write_report": "rag.evaluation.report",
    # The model server and its benchmark
    "LoopbackOnly": "rag.model_server.loopback",
    "open_model_server": "rag.model_server.server",
    "Replicas": "rag.model_server.replicas",
    "open_replicas": "rag.model_server.replicas",
    "BenchmarkResult": "rag.evaluation.benchmark",
    "BenchmarkOptions": "rag.evaluation.benchmark",
    "measure_embedder": "rag.build",
}
"""Every public name and the module that defines it."""

__all__ = list(_MODULES)

if TYPE_CHECKING:  # the same names, for type checkers; `as` marks them as exported
    # isort: off
    from rag.answer.excerpt import quote as quote
    from rag.analysis.similar_texts import group_similar as group_similar
    from rag.answer.query_rewrite import Turn as Turn, is_standalone as is_standalone
    from rag.build import (
        describe_model as describe_model,
        measure_apart as measure_apart,
        measure_embedder as measure_embedder,
        open_judge as open_judge,
        open_rag as open_rag,
    )
    from rag.catalog.headings import Heading as Heading, find_heading as find_heading
    from rag.catalog.any_of import is_any_of as is_any_of
    from rag.catalog.dialects import greatest as greatest, next_unlocked as next_unlocked, upsert as upsert
    from rag.catalog.delays import cap_delays as cap_delays, move_delays as move_delays
    from rag.catalog.migrate import MigrationHistory as MigrationHistory
    from rag.catalog.share_ends import (
        EXPIRED as EXPIRED,
        SpaceListing as SpaceListing,
        check_space as check_space,
        delete_source as delete_source,
        end_message as end_message,
        expire_departures as expire_departures,
        leave_space as leave_space,
        move_space as move_space,
        remove_shares as remove_shares,
        settle_shares as settle_shares,
    )
    from rag.catalog.shared_documents import (
        AllowedDocument as AllowedDocument,
        SharedFile as SharedFile,
        list_added_files as list_added_files,
        list_shared_files as list_shared_files,
        visible_posts as visible_posts,
        documents_allowed as documents_allowed,
        documents_in_thread as documents_in_thread,
        documents_named as documents_named,
        documents_of_source as documents_of_source,
        names_of as names_of,
        names_within as names_within,
        sha256_of as sha256_of,
        share_revision as share_revision,
        visible_names as visible_names,
        unshared_documents as unshared_documents,
        unshared_sha256 as unshared_sha256,
    )
    from rag.catalog.unread_files import has_unread as has_unread, list_unread_files as list_unread_files
    from rag.catalog.shares import (
        Share as Share,
        StoredShare as StoredShare,
        count_shared_in as count_shared_in,
        is_shared as is_shared,
        list_shares as list_shares,
        put_share as put_share,
        shared_in as shared_in,
        shared_messages as shared_messages,
        spaces_of as spaces_of,
    )
    from rag.catalog.sources import (
        files_waiting as files_waiting,
        refresh_source as refresh_source,
        request_fetch as request_fetch,
    )
    from rag.catalog.states import ShareState as ShareState
    from rag.catalog.statuses import (
        SourceStatus as SourceStatus,
        source_statuses as source_statuses,
        source_statuses_in as source_statuses_in,
    )
    from rag.clock import SteadyClock as SteadyClock
    from rag.engine import Rag as Rag
    from rag.data_dir import erase_index as erase_index, make_private as make_private
    from rag.disk import explain_disk_error as explain_disk_error, keep_reserve as keep_reserve, make_room as make_room
    from rag.errors import (
        BadSetting as BadSetting,
        Busy as Busy,
        MagpieError as MagpieError,
        NotFound as NotFound,
        OperatorMustAct as OperatorMustAct,
        OriginUnavailable as OriginUnavailable,
        TryAgain as TryAgain,
        Unreadable as Unreadable,
        UserCanFix as UserCanFix,
    )
    from rag.evaluation.benchmark import BenchmarkResult as BenchmarkResult, BenchmarkOptions as BenchmarkOptions
    from rag.evaluation.calibration import train_decision as train_decision
    from rag.evaluation.answers import evaluate_answers as evaluate_answers
    from rag.evaluation.compare import (
        ComparedVariant as ComparedVariant,
        Comparison as Comparison,
        compare_searches as compare_searches,
        compared_variants as compared_variants,
        write_comparison as write_comparison,
    )
    from rag.evaluation.evaluate import evaluate_search as evaluate_search
    from rag.evaluation.report import write_report as write_report
    from rag.fairness import IntakePriority as IntakePriority, RoundRobin as RoundRobin
    from rag.ingest.fetch.addresses import (
        is_inside as is_inside,
        is_url as is_url,
        resolved_folder as resolved_folder,
    )
    from rag.ingest.fetch.folders import list_folder as list_folder
    from rag.ingest.fetch.urls import open_url_fetcher as open_url_fetcher
    from rag.ingest.worker import Progress as Progress
    from rag.model.search import (
        Answer as Answer,
        AnswerOptions as AnswerOptions,
        AnswerProgress as AnswerProgress,
        AnswerStage as AnswerStage,
        FileType as FileType,
        SearchResult as SearchResult,
        Hit as Hit,
        Mode as Mode,
        PageContent as PageContent,
        Passage as Passage,
        Posted as Posted,
        Scope as Scope,
        ShareFilter as ShareFilter,
    )
    from rag.search.language_names import answer_languages as answer_languages
    from rag.model_terms import ModelTerms as ModelTerms, terms_of_model as terms_of_model
    from rag.model.operations import (
        Check as Check,
        DocumentSummary as DocumentSummary,
        FileNote as FileNote,
        FileReading as FileReading,
        FollowedFolder as FollowedFolder,
        ModelSummary as ModelSummary,
        IndexOutcome as IndexOutcome,
        IndexState as IndexState,
        Status as Status,
    )
    from rag.memory import share_arenas as share_arenas
    from rag.metrics import DeclaredMetric as DeclaredMetric, MetricSet as MetricSet
    from rag.observation import Stage as Stage, Step as Step
    from rag.model_server.loopback import LoopbackOnly as LoopbackOnly
    from rag.model_server.replicas import Replicas as Replicas, open_replicas as open_replicas
    from rag.model_server.server import open_model_server as open_model_server
    from rag.operations.backup import (
        BackupSummary as BackupSummary,
        restore_backup as restore_backup,
        write_backup as write_backup,
    )
    from rag.operations.retention import StoredData as StoredData
    from rag.ports import FetchResult as FetchResult, Fetcher as Fetcher, ReadTransaction as ReadTransaction
    from rag.sandbox import hide_memory as hide_memory
    from rag.search.confidence import ConfidenceModel as ConfidenceModel
    from rag.search.limits import (
        HERE as HERE,
        ME as ME,
        LimitedQuery as LimitedQuery,
        QueryLimits as QueryLimits,
        read_limits as read_limits,
    )
    from rag.search.results import merge_results as merge_results
    from rag.settings import Settings as Settings
    from rag.settings_file import (
        check_names as check_names,
        read_settings_file as read_settings_file,
        settings_path as settings_path,
    )
    from rag.settings_loading import (
        SettingValue as SettingValue,
        effective_settings as effective_settings,
        invalid_setting as invalid_setting,
        load_settings as load_settings,
        shown_value as shown_value,
    )
    from rag.text import without_invisible as without_invisible
    from rag.vectors.projection import TrainedProjection as TrainedProjection
    # isort: on
else:

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'rag' has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)
