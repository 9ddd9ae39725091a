"""Guards broken one at a time, in a copy of the code: a test that cannot fail proves nothing.

Each guard is a text that stands exactly once in a file, and what takes its place. Where the code was rewritten, this
table has to be mended: that is said, and nothing is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CAUGHT_WITHIN = 500
"""Steps."""


class Guard(NamedTuple):
    """What to break, where, and by what. `also`: where a second guard stands behind the first, its text, and what takes
    its place, in the same file."""

    path: str
    text: str
    instead: str
    also: tuple[str, str] | None = None


GUARDS: Mapping[str, Guard] = {
    "words": Guard(
        "rag/catalog/fulltext.py",
        "if scope == Scope.operator():\n        return []\n    # The plus",
        "if True:\n        return []\n    # The plus",
    ),
    "vectors": Guard(
        "rag/vectors/search.py",
        "allowed_chunks(connection, [one.chunk for one in near], scope)",
        "allowed_chunks(connection, [one.chunk for one in near], Scope.operator())",
    ),
    "pixels": Guard("rag/catalog/fingerprints.py", ", document.c.id.in_(documents_in(scope))", ""),
    "names": Guard(
        "rag/catalog/scope.py",
        "rows = rows.where(share.c.space.in_(sorted(scope.spaces)))\n    found = connection.execute(rows.order_by",
        "pass\n    found = connection.execute(rows.order_by",
    ),
    "evidence": Guard(
        "rag/search/hits.py", 'folder = data / "pictures" / str(row.reading)', 'folder = data / "pictures" / "1"'
    ),
    "recheck": Guard(
        "bot/answers/respond.py",
        "{one.document for one in found} != set(reply.documents)",
        "False",
        ("if not access_log.still_named(connection, reply.used, granted.scope):", "if False:"),
    ),
    "renamed": Guard(
        "bot/answers/respond.py", "if not access_log.still_named(connection, reply.used, granted.scope):", "if False:"
    ),
    "progress": Guard("bot/answers/compose.py", "if self._unchanged(work.question, watch):", "if True:"),
    "guests": Guard(
        "bot/access/directory.py",
        "return all(person.is_full_member for person in found if person.is_active)",
        "return True",
    ),
    "connect": Guard("bot/access/policy.py", "if here.outside:", "if False:"),
    "public": Guard("bot/access/policy.py", "if one.public and not one.outside", "if one.public"),
    "private": Guard(
        "bot/access/policy.py", "if one.public and not one.outside", "if not one.direct and not one.outside"
    ),
    "memberships": Guard("bot/access/policy.py", "for one in theirs if one in ours", "for one in ours if one in ours"),
    "cache": Guard("bot/listeners/app.py", "access.invalidate(happening)", "pass"),
    "failure": Guard(
        "bot/access/directory.py",
        "members = self.members(channel, until)\n",
        "try:\n            members = self.members(channel, until)\n"
        "        except Exception:\n            return True\n",
    ),
    "unshared": Guard(
        "bot/inbox.py",
        "if not _withhold(connection, file, channel):\n                file_states.want_no_longer",
        "if True:\n                file_states.want_no_longer",
    ),
    "withheld": Guard("rag/catalog/scope.py", "and_(share.c.hidden_at.is_(None), ", "and_("),
    "settled": Guard("bot/jobs/sweep.py", "stays = there and (not query", "stays = True or (not query"),
    "unindexed": Guard(
        "bot/inbox.py",
        "if not withhold_share(connection, KIND, file, channel):",
        "if drop_share(connection, KIND, [file], channel) is None:",
    ),
    "presence": Guard(
        "bot/answers/compose.py",
        "documents.append(id)",
        "documents.append(id)\n                from rag import Share, put_share\n\n"
        "                with self._rag.writing() as connection:\n"
        "                    put_share(connection, Share(KIND, id, question.channel, file.name))",
        ("there = is_shared_in(raw, channel, removed) and not departed", "there = True"),
    ),
    "moved": Guard("rag/catalog/shares.py", "connection.execute(update(removed_share)", "(update(removed_share)"),
    "respond": Guard("bot/jobs/ephemeral.py", "self._replied(due) if told else reply", "reply"),
    "uploads": Guard("bot/main.py", "maintenance.delete_abandoned_uploads()", "None"),
    "late": Guard(
        "bot/inbox.py", "if file_states.has_departed(connection, file.id, shared.channel, shared.at)", "if False"
    ),
    "left": Guard(
        "bot/inbox.py",
        "case Left(channel):\n            leave(connection, channel)",
        "case Left(channel):\n            pass",
    ),
    "forgotten": Guard("rag/catalog/shares.py", "if new.listed and _is_removed", "if False and _is_removed"),
    "bytes": Guard("rag/ingest/deletion.py", "path.unlink()", "pass"),
    "replies": Guard("bot/db/questions.py", "reply=null(), about=about))", "about=about))"),
    "history": Guard(
        "bot/answers/history.py",
        "if documents <= seen and access_log.still_named(connection, used.get(ts, ()), scope)",
        "",
        ("frozenset().union(*(made_of[ts] for ts in open_)), list(names))", "frozenset(), ())"),
    ),
    "lists": Guard(
        "bot/answers/page_list.py",
        "return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], made_of(hits), used)",
        "return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], [], used)",
    ),
    "more": Guard(
        "bot/answers/followups.py",
        "scope = replace(granted.scope, documents=found.documents)\n    on =",
        "scope = Scope(None, found.documents)\n    on =",
    ),
    "file": Guard(
        "bot/answers/followups.py",
        "scope = replace(granted.scope, documents=found.documents)\n    known =",
        "scope = Scope(None, found.documents)\n    known =",
    ),
    "similar": Guard(
        "bot/answers/followups.py",
        "granted = composer.granted(question)\n    remarks",
        'granted = Granted(Scope(None), "")\n    remarks',
    ),
    "find": Guard(
        "bot/jobs/ephemeral.py", "if named and {one.document for one in found} == set(reply.documents):", "if True:"
    ),
    "stays": Guard(
        "bot/jobs/ephemeral.py",
        "return reply if stays else",
        "return reply if True else",
        ("self._replied(due) if told else reply", "reply"),
    ),
    "status": Guard(
        "bot/jobs/ephemeral.py",
        "held = Held.of(due.channel, standings_in(connection, due.channel))",
        "rows = connection.exec_driver_sql('SELECT DISTINCT space FROM share').all()\n            "
        "held = Held.of(due.channel, [one for row in rows for one in standings_in(connection, row[0])])",
    ),
    "home": Guard(
        "bot/jobs/ephemeral.py",
        "spaces = sorted(granted.scope.spaces or ())",
        "spaces = [row[0] for row in connection.exec_driver_sql('SELECT DISTINCT space FROM share').all()]",
    ),
    "index": Guard(
        "bot/jobs/ephemeral.py",
        "if due.channel not in channels_of(raw):",
        "if False:",
        (
            "if file_states.has_departed(connection, file.id, due.channel, at):  # it left while Slack was asked",
            "at = 9e9\n                if False:",
        ),
    ),
    "feedback": Guard("bot/db/access_log.py", "feedback.scrub(connection)", "pass"),
    "stop": Guard("bot/listeners/interactions.py", "if asked.user != user:", "if False:"),
    "logs": Guard("bot/answers/respond.py", 'log.info("A reply is composed', 'log.info(reply.text + " is composed'),
}


def broken(guard: Guard, text: str) -> str:
    """A file's text with the guard broken. Raise LookupError when the guard is not there exactly once."""
    for old, new in ((guard.text, guard.instead), *((guard.also,) if guard.also else ())):
        if (count := text.count(old)) != 1:
            raise LookupError(
                f"The guard {old!r} stands {count} times in {guard.path}: mend the table in tests/leaks/sabotage.py."
            )
        text = text.replace(old, new)
    return text


def sabotaged(name: str, seed: int) -> str | None:
    """Run with one guard broken; what was caught and when, or None when nothing was."""
    guard = GUARDS[name]
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        copy = Path(folder)
        for top in ("rag", "bot", "tests"):
            shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "manifest.yml", copy)
        path = copy / guard.path
        path.write_text(broken(guard, path.read_text()))
        ran = subprocess.run(
            [sys.executable, "-m", "tests.leaks", "--steps", str(CAUGHT_WITHIN), "--seed", str(seed), "--plain"],
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy), "SABOTAGE": ""},
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode == 0:
        return None
    found = [line for line in ran.stdout.splitlines() if line.startswith("LEAK")]
    if not found:
        raise RuntimeError(f"the run with {name} broken ended with {ran.returncode}: {ran.stderr[-2000:]}")
    return found[0].removeprefix("LEAK: ").removesuffix(". The shortest way there:")
