"""The JSON that scripts may rely on. Fractions are 0 to 1, pages 1-based, `bbox` fractions of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rag import Answer, Check, Found, Hit, Passage, Status

if TYPE_CHECKING:
    from bot.db.access_log import Seen
    from rag import Benched, Kept, ModelRow, Outcome

Shape: TypeAlias = dict[str, Any]


def answer_shape(answer: Answer) -> Shape:
    """`ask --json`"""
    return {
        "answer": answer.text,
        "abstained": answer.abstained,
        "mode": answer.mode.value,
        "citations": [_passage(passage) | {"bbox": list(passage.hit.box)} for passage in answer.cited],
        "evidence": [str(path) for path in answer.evidence],
        "passages": [_passage(passage) | {"text": passage.hit.text} for passage in answer.passages],
    }


def _passage(passage: Passage) -> Shape:
    return {"number": passage.number} | _place(passage.hit)


def _place(hit: Hit) -> Shape:
    return {"file": hit.name, "page": hit.page, "kind": hit.kind.value}


def found_shape(found: Found) -> Shape:
    """`find --json`"""
    return {
        "found": found.found,
        "hits": [
            {"rank": hit.rank}
            | _place(hit)
            | {"bbox": list(hit.box), "regions": [list(box) for box in hit.regions]}
            | {"lanes": dict(hit.lanes), "why": hit.why, "also": list(hit.also)}
            for hit in found.hits
        ],
    }


def status_shape(status: Status, feedback: Mapping[str, int]) -> Shape:
    """`status --json`; `feedback`: how many answers were called good, and how many bad."""
    return {
        "documents": dict(status.documents),
        "pages": status.pages,
        "chunks": status.chunks,
        "waiting_for_vectors": status.waiting_for_vectors,
        "waiting_for_fingerprints": status.waiting_for_fingerprints,
        "waiting_for_captions": status.waiting_for_captions,
        "read_again": status.renewed,
        "failed": [{"file": file, "reason": reason} for file, reason in status.failed],
        "lanes": dict(status.lanes),
        "feedback": dict(feedback),
    }


def doctor_shape(checks: Sequence[Check]) -> Shape:
    """`doctor --json`"""
    return {
        "ok": all(check.status != "fail" for check in checks),
        "checks": [
            {"name": check.name, "status": check.status, "detail": check.detail, "fix": check.fix} for check in checks
        ],
    }


def outcomes_shape(outcomes: Iterable[Outcome]) -> Shape:
    """`index --json`, `reindex --json`"""
    return {
        "files": [
            {"file": each.file, "state": each.state, "pages": each.pages, "reason": each.reason, "hint": each.hint}
            for each in outcomes
        ]
    }


def models_shape(rows: Iterable[ModelRow]) -> Shape:
    """`models list --json`"""
    return {
        "models": [
            {
                "name": row.name,
                "weights": row.weights,
                "memory": row.memory,
                "cached": row.cached,
                "used": row.used,
                "note": row.note,
            }
            for row in rows
        ]
    }


def kept_shape(folder: Path, rows: Iterable[Kept]) -> Shape:
    """`status --privacy --json`"""
    return {
        "data": str(folder),
        "kept": [
            {
                "name": row.name,
                "path": str(row.path),
                "count": row.count,
                "unit": row.unit,
                "bytes": row.bytes,
                "holds": row.holds,
                "until": row.until,
            }
            for row in rows
        ],
    }


def seen_shape(sha256: Sequence[str], rows: Iterable[Seen], days: int) -> Shape:
    """`status --access --json`; `at` is when it was shown, `ts` names the message that asked."""
    return {
        "sha256": list(sha256),
        "days": days,
        "seen": [
            {
                "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
                "user": row.user,
                "channel": row.channel,
                "ts": row.ts,
                "question": None if row.removed else row.text,
                "removed": row.removed,
                "scope": row.scope,
                "spaces": list(row.spaces),
                "sha256": row.sha256,
            }
            for row in rows
        ],
    }


def benched_shape(found: Benched) -> Shape:
    """`bench --json`"""
    pictures, texts = found.speeds["pictures"], found.speeds["texts"]
    return {
        "images_per_s": pictures.per_second,
        "raw_images_per_s": pictures.raw,
        "texts_per_s": texts.per_second,
        "raw_texts_per_s": texts.raw,
        "model": found.model,
        "device": found.device,
        "versions": found.versions,
        "batches": {modality.value: size for modality, size in found.batches.items()},
        "weights_bytes": found.weights_bytes,
        "peak_bytes": found.peak_bytes,
        "kinds": {
            name: {
                "per_s": speed.per_second,
                "raw_per_s": speed.raw,
                "share": speed.share,
                "share_range": [speed.lowest, speed.highest],
                "processor_share": speed.processor_share,
                "spent": speed.spent,
                "preparing_cores": speed.preparing,
            }
            for name, speed in found.speeds.items()
        },
    }
