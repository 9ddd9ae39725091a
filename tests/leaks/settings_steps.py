"""Steps with the settings of a channel: who changes them, who may ask, and the digest."""

from __future__ import annotations

from time import time

from bot.db import channel_settings, jobs
from bot.db.channel_settings import ChannelSettings, Digest
from bot.db.jobs import JobKind
from bot.demo.slack_server.state import Conversation, Person
from bot.listeners import interactions
from tests.leaks.marked_documents import TOPICS
from tests.leaks.selection import Step, people, pick, spaces, writable_conversation
from tests.leaks.simulation import Simulation
from tests.leaks.watched import Leak

_DAY = 24 * 3600.0


def _put(simulation: Simulation, channel: str, new: ChannelSettings) -> None:
    with simulation.rag.write_transaction() as connection:
        channel_settings.put(connection, channel, new)


def _drop(simulation: Simulation, channel: str) -> None:
    """Restore the defaults, so that later steps ask and are answered as usual."""
    with simulation.rag.write_transaction() as connection:
        channel_settings.drop(connection, channel)


def _may_change(person: Person, space: Conversation) -> bool:
    return space.kind in ("im", "mpim") or person.admin or space.creator == person.id


def change_settings(simulation: Simulation, step: Step) -> None:
    """Change the settings of a conversation, sometimes as an admin who is none any more when they submit.

    Raise Leak if a person changes them who may not.
    """
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if person is None or space is None or not simulation.state.has_bot(space):
        return
    simulation.ws.set_admin(person.id, admin=step.c % 2 == 1)
    before = {view["id"] for view in simulation.ws.views()}
    simulation.ws.command(person.id, space.id, interactions.COMMAND, "settings")
    simulation.run_until_idle()
    simulation.ws.set_admin(person.id, admin=False)
    for view in simulation.ws.views():
        if view["id"] not in before and "submit" in view:
            quiet = {"type": "checkboxes", "selected_options": [{"value": "quiet"}]}
            simulation.ws.submit(person.id, view["id"], {"quiet": {"quiet": quiet}})
    simulation.run_until_idle()
    with simulation.rag.read_transaction() as connection:
        known = channel_settings.find(connection, space.id)
    if known.changed_by == person.id and not _may_change(person, space):
        raise Leak("a person changed the settings of a channel who may not")
    _drop(simulation, space.id)


def ask_as_other_than_allowed(simulation: Simulation, step: Step) -> None:
    """Ask in a channel in which only others may ask. Raise Leak if Magpie answers."""
    person = pick(people(simulation), step.a)
    space = writable_conversation(simulation, step.b, person)
    if person is None or space is None or space.kind in ("im", "mpim") or not simulation.state.has_bot(space):
        return
    simulation.run_until_idle()  # answers to earlier questions
    askers = frozenset(other.id for other in people(simulation) if other.id != person.id)
    _put(simulation, space.id, ChannelSettings(askers=askers, changed_at=time()))
    topic = TOPICS[step.c % len(TOPICS)]
    asked = simulation.ws.post(person.id, space.id, f"<@{simulation.ws.bot_user}> which pass word has the {topic}?")
    simulation.run_until_idle()
    if any(message.user == simulation.ws.bot_user for message in simulation.ws.thread(space.id, asked)):
        raise Leak("a person who may not ask in a channel got an answer there")
    _drop(simulation, space.id)


def post_digest(simulation: Simulation, step: Step) -> None:
    """Have the digest of a conversation posted."""
    space = pick([each for each in spaces(simulation) if simulation.state.has_bot(each)], step.a)
    if space is None:
        return
    settings = ChannelSettings(digest=Digest.DAILY, changed_at=time() - 2 * _DAY)
    _put(simulation, space.id, settings)
    with simulation.rag.write_transaction() as connection:
        jobs.request(connection, JobKind.DIGEST)
    simulation.run_until_idle()
    _drop(simulation, space.id)


STEPS = {
    "settings": change_settings,
    "ask, not allowed": ask_as_other_than_allowed,
    "digest": post_digest,
}
WEIGHTS = {"digest": 3}
