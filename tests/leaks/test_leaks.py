"""A short run of the leak test, and tests of its parts. `make leaks` runs thousands of steps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.demo.slack_server.manifest import AppConfig
from bot.demo.slack_server.state import Conversation, Person, State
from bot.folders import EVERYONE
from tests.leaks.guards import GUARDS
from tests.leaks.marked_documents import MAX_DOCUMENTS, MarkedDocument, numbers_in
from tests.leaks.oracle import rights
from tests.leaks.runs import Found, minimize, play, run
from tests.leaks.selection import Step
from tests.leaks.simulation import open_simulation
from tests.leaks.steps import set_up
from tests.leaks.watched import Leak
from tests.support.mutations import ROOT


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nothing_leaks(seed: int) -> None:
    assert run(60, seed, shrink=False) == []


REPEATED_NAME = """
share 637 176 0; share 273 422 0; share 766 492 0; share 292 980 0; share 355 958 0; share 724 467 0; home 993 181
148; fail 782 736 936; screenshot 861 640 117; join 544 209 488; late 969 721 238; ask with, and unshare 367 631
540; feedback 933 641 728; ask, and meanwhile 165 791 208; share 306 175 869; more, and meanwhile 767 141 662; ask,
and meanwhile 409 435 500; ask with, and unshare 359 720 798; ask 34 544 77; refuse pictures 24 376 254; command 159
218 931; ask, and meanwhile 405 454 522; share 603 279 436; command, and meanwhile 610 879 346; ask 947 493 921; ask
348 83 606; leave 625 56 795; ask 142 939 868; ask 569 760 481; fail 970 180 93; more, and meanwhile 8 66 24;
command 187 285 198; share 737 471 411; share 730 554 523; deactivate 277 714 996; similar 880 942 697; ask, and
meanwhile 270 570 393; follow up 889 107 724
"""
"""Steps of a regression: an earlier answer of the thread repeated the name of a removed share."""


@pytest.mark.timeout(300)
def test_name_of_a_removed_share_stays_out_of_follow_ups() -> None:
    assert play([Step.parse(step) for step in " ".join(REPEATED_NAME.split()).split("; ")]) is None


OWN_MESSAGE = """
share 985 672 0; ask with, and unshare 753 456 290; share with attachments 708 238 788; newcomer 542 35 499; ask 604 64
847; newcomer 434 938 991; change id 771 200 157; command, leave 896 302 529; leave 294 258 95; similar, and meanwhile
961 256 214
"""
"""Steps of a false alarm: a person gets the link of the message on which they used a shortcut. Meanwhile the channel is
shared with another company, which closes it to people who did not join."""


@pytest.mark.timeout(300)
def test_link_of_the_message_that_a_person_chose_is_no_leak_to_them() -> None:
    assert play([Step.parse(step) for step in " ".join(OWN_MESSAGE.split()).split("; ")]) is None


LATE_DELETION = """
share 990 213 0; share 225 871 0; share 575 527 0; share 429 517 0; share 799 928 0; share 618 326 0; share twice 428
376 970; command 195 924 638; ask, and meanwhile 972 419 495; ask, and meanwhile 915 792 416; ask 480 601 942; delete
words 35 299 980; ask 956 18 189; share 913 98 28
"""
"""Steps of a false alarm: a file was to be deleted while an answer is written. None was, until a check searched and the
model translated its query."""


@pytest.mark.timeout(300)
def test_nothing_happens_while_a_check_searches() -> None:
    assert play([Step.parse(step) for step in " ".join(LATE_DELETION.split()).split("; ")]) is None


def test_file_that_a_folder_shows_where_it_is_shared_need_not_wait() -> None:
    """A false alarm: what the operator indexes for a channel was not counted as visible there."""
    everywhere = (Step.parse(f"words {number} {number} 0") for number in range(8))
    assert play([Step.parse("folder 0 0 0"), *everywhere]) is None


def test_folder_that_is_named_again_shows_only_what_is_in_it() -> None:
    """A false alarm: the files of a folder that was named no more were back when it was named again."""
    steps = ["folder 0 1 0", "folder, unname 0 0 0", "folder 0 1 0", "token 0 1 0", "token 1 1 0", "token 2 1 0"]
    assert play([Step.parse(step) for step in steps]) is None


def test_nothing_is_lost_where_nothing_was_shared() -> None:
    assert play([Step.parse("lose share 0 0 0")]) is None


def test_every_guard_can_be_broken(tmp_path: Path) -> None:
    """A broken guard that names a variable that is not there would end in an error, and look like no leak."""
    for guard in GUARDS:
        sources: dict[Path, str] = {}
        for mutation in GUARDS[guard]:
            sources[mutation.path] = mutation.apply(sources.get(mutation.path) or (ROOT / mutation.path).read_text())
        for path, source in sources.items():
            folder = tmp_path / guard.replace(" ", "_") / path.parent
            folder.mkdir(parents=True, exist_ok=True)
            (folder / path.name).write_text(source)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821,F823", str(tmp_path)]
    done = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_document_is_recognized_in_its_picture() -> None:
    documents = [MarkedDocument(number) for number in range(MAX_DOCUMENTS)]
    colors = {document.color: document.number for document in documents}
    assert len(colors) == MAX_DOCUMENTS
    for document in documents:
        assert numbers_in(document.screenshot(), colors) == {document.number}


def test_rights_are_what_every_reader_can_open() -> None:
    state = State(AppConfig(frozenset(), frozenset()))
    ada, gus = state.add_person("ada"), state.add_person("gus", guest="multi")
    eve = state.add_person("eve", team="T0THEM")

    def space(kind: str, *members: Person, shared: bool = False) -> Conversation:
        return state.add_conversation(kind, kind, [each.id for each in members], shared)  # type: ignore[arg-type]

    public, private, mixed = space("channel", ada), space("group", ada), space("channel", ada, gus)
    connect = space("channel", ada, eve, shared=True)
    assert rights(state, private.id).spaces >= {public.id, private.id, mixed.id, connect.id}
    assert rights(state, public.id).spaces == {public.id, private.id, mixed.id, connect.id, EVERYONE}
    assert rights(state, mixed.id).spaces == {mixed.id}
    assert rights(state, connect.id).spaces == {connect.id}
    assert rights(state, mixed.id, ada.id).spaces >= {public.id, private.id}


@pytest.mark.parametrize("where", ["label", "id in a label", "span"])
def test_mark_or_id_in_metrics_and_traces_is_noticed(tmp_path: Path, where: str) -> None:
    with open_simulation(tmp_path / "data") as simulation:
        telemetry, person = simulation.bot.telemetry, next(iter(simulation.state.people))
        with telemetry.step("xtext00001x" if where == "span" else "answer", "C1", "1.5"):
            telemetry.metrics.slack_called(
                {"label": "xname00001x", "id in a label": person}.get(where, "auth.test"), "ok"
            )
        with pytest.raises(Leak, match="a metric or trace quotes what people shared"):
            simulation.check_telemetry()


def test_metrics_and_traces_of_a_bot_at_work_have_no_mark(tmp_path: Path) -> None:
    with open_simulation(tmp_path / "data") as simulation:
        set_up(simulation)
        simulation.check_telemetry()
        assert simulation.bot.telemetry.metrics.text(simulation.bot.open_health(lambda: True).queues())


def test_counterexample_is_minimized() -> None:
    """The judge finds a leak in any list that has the steps 5 and 17."""
    steps = [Step("ask", number, 0, 0) for number in range(30)]

    def judge(candidate: Sequence[Step]) -> Found | None:
        numbers = [step.a for step in candidate]
        return Found("leak", numbers.index(17) + 1) if 5 in numbers and 17 in numbers else None

    assert [step.a for step in minimize(steps, "leak", 200, judge)] == [5, 17]


def test_step_is_read_as_it_is_printed() -> None:
    step = Step("ask, and meanwhile", 1, 22, 333)
    assert Step.parse(f"  {step}\n") == step
