"""Steps with people and channels: who is in which, and what kind they are."""

from __future__ import annotations

from tests.leaks.selection import Step, channels, people, pick
from tests.leaks.simulation import Simulation


def join(simulation: Simulation, step: Step) -> None:
    person, space = pick(people(simulation), step.a), pick(channels(simulation), step.b)
    if person is None or space is None or person.id in space.members or (person.team != simulation.state.team):
        return
    simulation.ws.join(person.id, space.id)


def leave(simulation: Simulation, step: Step) -> None:
    space = pick(channels(simulation), step.b)
    members = [each for each in people(simulation) if space is not None and each.id in space.members]
    person = pick(members, step.a)
    if person is not None and space is not None and len(members) > 1:
        simulation.ws.leave(person.id, space.id)


def set_guest(simulation: Simulation, step: Step) -> None:
    person = pick([each for each in people(simulation) if each.team == simulation.state.team], step.a)
    if person is not None:
        simulation.ws.set_guest(person.id, ("multi", "single", "")[step.b % 3])


def connect(simulation: Simulation, step: Step) -> None:
    """Share a channel with another company, one of whose people joins, or end that."""
    space = pick(channels(simulation), step.a)
    if space is None:
        return
    if space.shared:
        for id in [each for each in space.members if simulation.state.people[each].team != simulation.state.team]:
            simulation.ws.leave(id, space.id)
        simulation.ws.set_shared(space.id, False)
        return
    simulation.ws.set_shared(space.id)
    guest = simulation.ws.person(f"outsider-{len(simulation.state.people)}", stranger_team="T0THEM")
    simulation.ws.join(guest, space.id)


def set_flag(simulation: Simulation, step: Step) -> None:
    """Change a flag of a channel without an event. The bot notices it when its cache expires."""
    space = pick(channels(simulation), step.a)
    if space is not None:
        if step.b % 2:
            simulation.ws.set_pending(space.id, not space.pending)
        else:
            simulation.ws.set_org_shared(space.id, not space.org_shared)
        simulation.bot.access.invalidate_all()


def make_private(simulation: Simulation, step: Step) -> None:
    space = pick([each for each in channels(simulation) if each.kind == "channel"], step.a)
    if space is not None and space.members:
        simulation.ws.make_private(space.id)


def archive(simulation: Simulation, step: Step) -> None:
    space = pick(channels(simulation), step.a)
    if space is not None:
        (simulation.ws.unarchive if space.archived else simulation.ws.archive)(space.id)


def add_or_remove_bot(simulation: Simulation, step: Step) -> None:
    space = pick(channels(simulation), step.a)
    if space is not None:
        if simulation.ws.bot_user not in space.members:
            simulation.ws.invite_bot(space.id)
        elif len(space.members) > 1:
            simulation.ws.remove_bot(space.id)


def deactivate(simulation: Simulation, step: Step) -> None:
    active = people(simulation)
    if len(active) > 3:
        simulation.ws.deactivate(active[step.a % len(active)].id)


def add_person(simulation: Simulation, step: Step) -> None:
    id = simulation.ws.hire(f"new-{len(simulation.state.people)}")
    simulation.ws.direct(id)


def new_channel(simulation: Simulation, step: Step) -> None:
    members = [
        each.id
        for number, each in enumerate(people(simulation))
        if (step.b >> number) & 1 and each.team == simulation.state.team
    ]
    if members:
        name = f"channel-{len(simulation.state.conversations)}"
        if step.a % 4 == 3 and len(members) > 1:
            simulation.ws.group_direct(members)
        else:
            simulation.ws.channel(name, members, private=step.a % 2 == 1)
