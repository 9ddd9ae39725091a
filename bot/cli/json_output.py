"""The JSON of every command, which scripts rely on.

A hit in a file that is attached to the shared one has the shared one as `file`, and its own name as `attachment`.
Shares are from 0 to 1, pages are counted from 1, `bbox` is [x0, y0, x1, y1] as fractions of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.slack.events import is_direct

if TYPE_CHECKING:
    from bot.answers.unanswered import QuestionGroup
    from bot.db.access_log import AccessEntry
    from bot.db.api_tokens import ApiToken
    from bot.folders import FolderList
    from rag import (
        Answer,
        BackupSummary,
        BenchmarkResult,
        Check,
        FileNote,
        FileReading,
        Hit,
        IndexOutcome,
        ModelSummary,
        Passage,
        Posted,
        SearchResult,
        SettingValue,
        SharedFile,
        Status,
        StoredData,
    )

JsonObject: TypeAlias = dict[str, Any]


def answer_json(answer: Answer, unread: Sequence[SharedFile] = ()) -> JsonObject:
    """Return the JSON of `ask`. `unread`: the files that are not read yet, if nothing was found."""
    return {
        "answer": answer.text,
        "abstained": answer.abstained,
        "mode": answer.mode.value,
        "citations": [_passage(passage) | {"bbox": list(passage.hit.box)} for passage in answer.cited],
        "evidence": [str(path) for path in answer.evidence],
        "passages": [_passage(passage) | {"text": passage.hit.text} for passage in answer.passages],
        "translations": dict(answer.found.translations),
        "still_reading": [file.name for file in unread],
    }


def _passage(passage: Passage) -> JsonObject:
    return {"number": passage.number} | _place(passage.hit)


def _place(hit: Hit) -> JsonObject:
    place: JsonObject = {"file": hit.name, "page": hit.page, "kind": hit.kind.value}
    if hit.attachment:
        place["attachment"] = hit.attachment
    posted = [_posted(posted) for posted in hit.posted if posted.shared_by is not None or posted.words]
    return place | {"posted": posted} if posted else place


def _posted(posted: Posted) -> JsonObject:
    return {
        "space": posted.space,
        "shared_by": posted.shared_by,
        "shared_at": datetime.fromtimestamp(posted.shared_at, UTC).isoformat(timespec="seconds"),
        "message": posted.message,
        "thread": posted.thread,
        "words": posted.words,
    }


def found_json(found: SearchResult) -> JsonObject:
    """Return the JSON of `find`."""
    return {
        "found": found.found,
        "corrections": dict(found.corrections),
        "hits": [
            {"rank": hit.rank}
            | _place(hit)
            | {"bbox": list(hit.box), "regions": [list(box) for box in hit.regions]}
            | {"lanes": dict(hit.lanes), "why": hit.why, "also": list(hit.also), "newer": hit.newer}
            for hit in found.hits
        ],
        "translations": dict(found.translations),
    }


def status_json(status: Status, feedback: Mapping[str, int]) -> JsonObject:
    """Return the JSON of `status`. `feedback` is the number of good and of bad ratings."""
    return {
        "documents": dict(status.documents),
        "pages": status.pages,
        "chunks": status.chunks,
        "waiting_for_vectors": status.waiting_for_vectors,
        "waiting_for_fingerprints": status.waiting_for_fingerprints,
        "waiting_for_captions": status.waiting_for_captions,
        "full_text": None
        if status.full_text is None
        else {"waiting": status.full_text.waiting, "total": status.full_text.total},
        "read_again": status.renewed,
        "searchable": [
            {"file": unread.title, "pages_read": unread.first - 1, "pages": unread.last} for unread in status.unread
        ],
        "failed": [{"file": file, "reason": reason} for file, reason in status.failed],
        "failed_pages": [
            {"file": file, "pages": pages} for file, notes in status.notes if (pages := _lost_pages(notes))
        ],
        "notes": [{"file": file} | note for file, notes in status.notes for note in _notes(notes)],
        "outages": [
            {
                "kind": outage.kind,
                "since": datetime.fromtimestamp(outage.since, UTC).isoformat(timespec="seconds"),
                "reason": outage.reason,
                "hint": outage.hint,
                "waiting": outage.waiting,
            }
            for outage in status.outages
        ],
        "disk": status.disk,
        "refused": dict(status.refused),
        "lanes": dict(status.lanes),
        "text_model": None
        if status.text_model is None
        else {
            "model": status.text_model.model,
            "replaces": status.text_model.replaces or None,
            "waiting": status.text_model.waiting,
        },
        "feedback": dict(feedback),
    }


def readings_json(readings: Iterable[FileReading]) -> JsonObject:
    """Return the JSON of `status FILE`. `read_from` is layer, ocr, both or none."""
    return {
        "files": [
            {
                "file": row.name,
                "ref": row.ref,
                "sha256": row.sha256,
                "type": row.media_type,
                "state": row.state.value,
                "reason": row.reason,
                "hint": row.hint,
                "extractor": row.extractor,
                "page_count": row.page_count,
                "pages": [
                    {
                        "page": page.number,
                        "label": page.label,
                        "read_from": page.text_source.value,
                        "notes": [{"text": note.text, "lost": note.lost} for note in page.notes],
                    }
                    for page in row.pages
                ],
                "notes": _notes(row.notes),
                "attachments": list(row.attachments),
            }
            for row in readings
        ]
    }


def _lost_pages(notes: Iterable[FileNote]) -> list[int]:
    """Return the pages of a file, without its attachments, of which something was not read."""
    return sorted({note.page for note in notes if note.lost and note.page and not note.attachment})


def _notes(notes: Iterable[FileNote]) -> list[JsonObject]:
    """Return notes; `page` is null if they are about a file as a whole."""
    return [
        {"page": note.page or None, "attachment": note.attachment, "text": note.text, "lost": note.lost}
        for note in notes
    ]


def doctor_json(checks: Sequence[Check]) -> JsonObject:
    """Return the JSON of `doctor`."""
    return {
        "ok": all(check.status != "fail" for check in checks),
        "checks": [
            {"name": check.name, "status": check.status, "detail": check.detail, "fix": check.fix} for check in checks
        ],
    }


def settings_json(values: Iterable[SettingValue], folders: FolderList) -> JsonObject:
    """Return the JSON of `config`."""
    return {
        "settings": [
            {"name": one.name, "variable": one.variable, "value": one.value, "source": one.source} for one in values
        ],
        "sources": [{"folder": one.folder, "visible_to": list(one.spaces)} for one in folders.folders],
        "problems": list(folders.problems),
    }


def backup_json(summary: BackupSummary) -> JsonObject:
    """Return the JSON of `backup` and `restore`."""
    return {
        "created": summary.created,
        "files": summary.files,
        "bytes": summary.bytes,
        "tokens": summary.tokens,
        "missing": summary.missing,
    }


def outcomes_json(outcomes: Iterable[IndexOutcome]) -> JsonObject:
    """Return the JSON of `index` and `reindex`."""
    return {
        "files": [
            {
                "file": row.file,
                "state": row.state,
                "pages": row.pages,
                "failed_pages": _lost_pages(row.notes),
                "notes": _notes(row.notes),
                "reason": row.reason,
                "hint": row.hint,
            }
            for row in outcomes
        ]
    }


def models_json(rows: Iterable[ModelSummary]) -> JsonObject:
    """Return the JSON of `models list`."""
    return {
        "models": [
            {
                "name": row.name,
                "weights": row.weights,
                "memory": row.memory,
                "cached": row.cached,
                "used": row.used,
                "note": row.note,
                "license": row.license,
                "kind": row.kind.value,
                "size": row.size,
                "good_at": row.good_at,
                "figures": [asdict(figure) for figure in row.figures],
            }
            for row in rows
        ]
    }


def stored_json(folder: Path, rows: Iterable[StoredData]) -> JsonObject:
    """Return the JSON of `status --privacy`."""
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


def access_json(sha256: Sequence[str], rows: Iterable[AccessEntry], days: int) -> JsonObject:
    """Return the JSON of `status --access`. `at` is when it was shown, `ts` the id of the question's message."""
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
                "readers": None if row.readers is None else list(row.readers),
                "spaces": list(row.spaces),
                "sha256": row.sha256,
            }
            for row in rows
        ],
    }


def unanswered_json(groups: Iterable[QuestionGroup]) -> JsonObject:
    """Groups of questions without an answer, the largest first. `channels` are ids; those of direct messages are left
    out, but counted in `direct`."""
    return {
        "groups": [
            {
                "question": group.text,
                "count": len(group.questions),
                "direct": sum(is_direct(asked.channel) for asked in group.questions),
                "channels": sorted({asked.channel for asked in group.questions if not is_direct(asked.channel)}),
                "last_asked_at": round(group.newest.asked_at),
            }
            for group in groups
        ]
    }


def token_json(token: ApiToken, now: float) -> JsonObject:
    """Return the JSON of one token, without its secret. `now`: seconds since 1970."""

    def moment(at: float | None) -> str | None:
        return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")

    return {
        "id": token.id,
        "name": token.name,
        "user": token.user or None,
        "spaces": list(token.spaces),
        "created": moment(token.created_at),
        "ends": moment(token.expires_at),
        "used": moment(token.used_at),
        "revoked": moment(token.revoked_at),
        "valid": token.revoked_at is None and token.expires_at > now,
    }


def benchmark_json(result: BenchmarkResult) -> JsonObject:
    """Return the JSON of `bench`."""
    pictures, texts = result.speeds["pictures"], result.speeds["texts"]
    return {
        "images_per_s": pictures.per_second,
        "raw_images_per_s": pictures.raw,
        "texts_per_s": texts.per_second,
        "raw_texts_per_s": texts.raw,
        "model": result.model,
        "device": result.device,
        "versions": result.versions,
        "batches": {modality.value: size for modality, size in result.batches.items()},
        "weights_bytes": result.weights_bytes,
        "peak_bytes": result.peak_bytes,
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
            for name, speed in result.speeds.items()
        },
    }
