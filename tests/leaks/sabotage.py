"""Break one access guard at a time in a copy of the code, and run the leak test, which must find a leak."""

from __future__ import annotations

from collections.abc import Mapping

from tests.support.mutations import Mutation, mutated_copy, run_module

CAUGHT_WITHIN = 500
"""Steps."""

GUARDS: Mapping[str, tuple[Mutation, ...]] = {
    "words": (
        Mutation(
            "rag.catalog.fulltext:_inside",
            "if scope == Scope.operator():\n        return []\n    # The plus",
            "if True:\n        return []\n    # The plus",
        ),
    ),
    "vectors": (
        Mutation(
            "rag.vectors.search:NeighborSearch._join",
            "allowed_chunks(connection, [one.chunk for one in near], scope)",
            "allowed_chunks(connection, [one.chunk for one in near], Scope.operator())",
        ),
    ),
    "pixels": (Mutation("rag.catalog.fingerprints:_in", ", document.c.id.in_(documents_in(scope))", ""),),
    "names": (
        Mutation(
            "rag.catalog.scope:names_in",
            "rows = rows.where(share.c.space.in_(sorted(scope.spaces)))\n    found = connection.execute(rows.order_by",
            "pass\n    found = connection.execute(rows.order_by",
        ),
    ),
    "evidence": (
        Mutation(
            "rag.search.hits:build_hits",
            'folder = data / "pictures" / str(row.reading)',
            'folder = data / "pictures" / "1"',
        ),
    ),
    "recheck": (
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "{one.document for one in found} != set(reply.documents)",
            "False",
        ),
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "if not access_log.still_named(connection, reply.used, granted.scope):",
            "if False:",
        ),
    ),
    "renamed": (
        Mutation(
            "bot.answers.respond:Responder._may_show",
            "if not access_log.still_named(connection, reply.used, granted.scope):",
            "if False:",
        ),
    ),
    "progress": (
        Mutation("bot.answers.compose:Composer._ask", "if self._unchanged(work.question, watch):", "if True:"),
    ),
    "guests": (
        Mutation(
            "bot.access.directory:Directory.are_all_full_members",
            "return all(person.is_full_member for person in found if person.is_active)",
            "return True",
        ),
    ),
    "connect": (Mutation("bot.access.policy:Access._granted", "if here.outside:", "if False:"),),
    "public": (Mutation("bot.access.policy:_public", "if one.public and not one.outside", "if one.public"),),
    "private": (
        Mutation(
            "bot.access.policy:_public", "if one.public and not one.outside", "if not one.direct and not one.outside"
        ),
    ),
    "memberships": (
        Mutation(
            "bot.access.policy:Access._granted_in_direct_message",
            "for one in theirs if one in ours",
            "for one in ours if one in ours",
        ),
    ),
    "cache": (Mutation("bot.listeners.app:build_app", "access.invalidate(happening)", "pass"),),
    "failure": (
        Mutation(
            "bot.access.directory:Directory.are_all_full_members",
            "members = self.members(channel, until)\n",
            "try:\n            members = self.members(channel, until)\n"
            "        except Exception:\n            return True\n",
        ),
    ),
    "unshared": (
        Mutation(
            "bot.inbox:record",
            "if not _withhold(connection, file, channel):\n                file_states.want_no_longer",
            "if True:\n                file_states.want_no_longer",
        ),
    ),
    "withheld": (Mutation("rag.catalog.scope:is_visible", "and_(share.c.hidden_at.is_(None), ", "and_("),),
    "settled": (
        Mutation("bot.jobs.sweep:Sweep._settle", "stays = there and (not query", "stays = True or (not query"),
    ),
    "unindexed": (
        Mutation(
            "bot.inbox:_withhold",
            "if not hide_share(connection, KIND, file, channel):",
            "if drop_share(connection, KIND, [file], channel) is None:",
        ),
    ),
    "presence": (
        Mutation(
            "bot.answers.compose:Composer._sent_with",
            "documents.append(id)",
            "documents.append(id)\n                from rag import Share, put_share\n\n"
            "                with self._rag.write_transaction() as connection:\n"
            "                    put_share(connection, Share(KIND, id, question.channel, file.name))",
        ),
        Mutation(
            "bot.answers.compose:Composer.sent_here",
            "there = is_shared_in(raw, channel, removed) and not departed",
            "there = True",
        ),
    ),
    "moved": (
        Mutation("rag.catalog.shares:move_space", "connection.execute(update(removed_share)", "(update(removed_share)"),
    ),
    "respond": (
        Mutation("bot.jobs.ephemeral:EphemeralMessages._tell", "self._replied(due) if told else reply", "reply"),
    ),
    "uploads": (Mutation("bot.main:open_bot", "maintenance.delete_abandoned_uploads()", "None"),),
    "late": (
        Mutation(
            "bot.inbox:_record_share",
            "if file_states.has_departed(connection, file.id, shared.channel, shared.at)",
            "if False",
        ),
    ),
    "left": (
        Mutation(
            "bot.inbox:record",
            "case Left(channel):\n            leave(connection, channel)",
            "case Left(channel):\n            pass",
        ),
    ),
    "forgotten": (
        Mutation("rag.catalog.shares:put_share", "if new.listed and _is_removed", "if False and _is_removed"),
    ),
    "bytes": (Mutation("rag.ingest.deletion:sweep", "path.unlink()", "pass"),),
    "replies": (Mutation("bot.db.questions:end_question", "reply=null(), about=about))", "about=about))"),),
    "history": (
        Mutation(
            "bot.answers.history:turns_before",
            "if documents <= seen and access_log.still_named(connection, used.get(ts, ()), scope)",
            "",
        ),
        Mutation(
            "bot.answers.history:turns_before",
            "frozenset().union(*(made_of[ts] for ts in open_)), list(names))",
            "frozenset(), ())",
        ),
    ),
    "lists": (
        Mutation(
            "bot.answers.page_list:pages_reply",
            "return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], made_of(hits), used)",
            "return Reply(break_links(plain), blocks, list(pictures)[:PICTURES], [], used)",
        ),
    ),
    "more": (
        Mutation(
            "bot.answers.followups:_more",
            "scope = replace(granted.scope, documents=found.documents)\n    on =",
            "scope = Scope(None, found.documents)\n    on =",
        ),
    ),
    "file": (
        Mutation(
            "bot.answers.followups:_only_file",
            "scope = replace(granted.scope, documents=found.documents)\n    known =",
            "scope = Scope(None, found.documents)\n    known =",
        ),
    ),
    "similar": (
        Mutation(
            "bot.answers.followups:_similar",
            "granted = composer.granted(question)\n    remarks",
            'granted = Granted(Scope(None), "")\n    remarks',
        ),
    ),
    "find": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._found",
            "if named and {one.document for one in found} == set(reply.documents):",
            "if True:",
        ),
    ),
    "stays": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._replied", "return reply if stays else", "return reply if True else"
        ),
        Mutation("bot.jobs.ephemeral:EphemeralMessages._tell", "self._replied(due) if told else reply", "reply"),
    ),
    "status": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._status",
            "held = Held.of(due.channel, source_statuses_in(connection, due.channel))",
            "rows = connection.exec_driver_sql('SELECT DISTINCT space FROM share').all()\n            "
            "held = Held.of(due.channel, [one for row in rows for one in source_statuses_in(connection, row[0])])",
        ),
    ),
    "home": (
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._show_home",
            "spaces = sorted(granted.scope.spaces or ())",
            "spaces = [row[0] for row in connection.exec_driver_sql('SELECT DISTINCT space FROM share').all()]",
        ),
    ),
    "index": (
        Mutation("bot.jobs.ephemeral:EphemeralMessages._index", "if due.channel not in channels_of(raw):", "if False:"),
        Mutation(
            "bot.jobs.ephemeral:EphemeralMessages._index",
            "if file_states.has_departed(connection, file.id, due.channel, at):  # it left while Slack was asked",
            "at = 9e9\n                if False:",
        ),
    ),
    "feedback": (Mutation("bot.db.access_log:scrub", "feedback.scrub(connection)", "pass"),),
    "stop": (Mutation("bot.listeners.interactions:_stop", "if asked.user != user:", "if False:"),),
    "logs": (
        Mutation(
            "bot.answers.respond:Responder._cleared",
            'log.info("A reply is composed',
            'log.info(reply.text + " is composed',
        ),
    ),
}
"""Mutations by the name of the guard. A second mutation breaks a guard that would hide the effect of the first."""


def run_sabotaged(name: str, seed: int) -> str | None:
    """Run the leak test with one guard broken. Return the leak and its step, or None."""
    with mutated_copy(GUARDS[name]) as copy:
        arguments = ["--steps", str(CAUGHT_WITHIN), "--seed", str(seed), "--plain"]
        result = run_module(copy, "tests.leaks", arguments, {"SABOTAGE": ""}, capture=True)
    if result.returncode == 0:
        return None
    found = [line for line in result.stdout.splitlines() if line.startswith("LEAK")]
    if not found:
        raise RuntimeError(f"the run with {name} broken ended with {result.returncode}: {result.stderr[-2000:]}")
    return found[0].removeprefix("LEAK: ").removesuffix(". Steps to reproduce it:")
