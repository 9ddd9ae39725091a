"""A few hundred steps, and that every guard in the table can still be broken. `make leaks` takes thousands."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bot.demo.slack_server.manifest import AppConfig
from bot.demo.slack_server.state import Conversation, Person, State
from tests.leaks.oracle import rights
from tests.leaks.papers import MOST, Paper, numbers_in
from tests.leaks.runs import A_WORKSPACE, play, run, shortest
from tests.leaks.sabotage import GUARDS
from tests.leaks.steps import draw
from tests.support.mutations import ROOT


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nothing_leaks(seed: int) -> None:
    assert run(60, seed, shrink=False) == []


@pytest.mark.timeout(300)
def test_name_of_a_share_that_is_gone_stays_out_of_follow_ups() -> None:
    """The 20th workspace of seed 1, in which an earlier answer of the thread brought such a name back."""
    chance = random.Random(1)
    for _ in range(20):
        steps = draw(chance, A_WORKSPACE)
    assert play(steps[:38]) is None


@pytest.mark.parametrize("name", GUARDS)
def test_every_guard_can_be_broken(name: str) -> None:
    sources: dict[Path, str] = {}
    for mutation in GUARDS[name]:
        sources[mutation.path] = mutation.apply(sources.get(mutation.path) or (ROOT / mutation.path).read_text())
    for path, source in sources.items():
        compile(source, path, "exec")


def test_a_paper_is_told_by_its_picture() -> None:
    papers = [Paper(number) for number in range(MOST)]
    colours = {paper.colour: paper.number for paper in papers}
    assert len(colours) == MOST
    for paper in papers:
        assert numbers_in(paper.screenshot(), colours) == {paper.number}


def test_who_can_open_what() -> None:
    world = State(AppConfig(frozenset(), frozenset()))
    ada, gus = world.add_person("ada"), world.add_person("gus", guest="multi")
    eve = world.add_person("eve", team="T0THEM")

    def space(kind: str, *members: Person, shared: bool = False) -> Conversation:
        return world.add_conversation(kind, kind, [each.id for each in members], shared)  # type: ignore[arg-type]

    public, private, mixed = space("channel", ada), space("group", ada), space("channel", ada, gus)
    connect = space("channel", ada, eve, shared=True)
    assert rights(world, private.id).spaces >= {public.id, private.id, mixed.id, connect.id}
    assert rights(world, public.id).spaces == {public.id, private.id, mixed.id, connect.id}
    assert rights(world, mixed.id).spaces == {mixed.id}
    assert rights(world, connect.id).spaces == {connect.id}
    assert rights(world, mixed.id, ada.id).spaces >= {public.id, private.id}


def test_a_counterexample_is_made_short() -> None:
    """With a judge of our own in place of the workspace: two of the steps are enough."""
    from tests.leaks.choosing import Step

    steps = [Step("ask", number, 0, 0) for number in range(30)]

    def judge(some: object) -> tuple[str, int] | None:
        numbers = [step.a for step in some]  # type: ignore[attr-defined]
        return ("leak", numbers.index(17) + 1) if 5 in numbers and 17 in numbers else None

    assert [step.a for step in shortest(steps, "leak", 200, judge)] == [5, 17]
