"""Steps of the machine's clock: nothing is deleted because of one, and nothing waits for days."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from time import time

import pytest
from sqlalchemy import insert, select

from rag import Settings, cap_delays, move_delays
from rag.catalog import Catalog
from rag.catalog.tables import outage, source
from rag.clock import SteadyClock, passed_seconds
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

DAY = 24 * 3600.0


class Machine:
    """A machine whose clock is set, and whose time passes, as a test says."""

    def __init__(self) -> None:
        self.wall, self.passed = 1_000_000_000.0, 500.0

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds

    def clock(self, begin: float | None = None) -> SteadyClock:
        return SteadyClock(begin, lambda: self.wall, lambda: self.passed)


@pytest.mark.parametrize("step", [3 * DAY, -3 * DAY, 90.0, -90.0])
def test_time_passes_as_before_whatever_the_clock_is_set_to(step: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wait(10)
    assert clock.take_step() == 0
    machine.wall += step
    machine.wait(5)
    assert clock.now() == 1_000_000_015.0
    assert clock.error() == step
    assert clock.take_step() == step
    assert clock.take_step() == 0
    assert clock.oldest() == min(machine.wall, 1_000_000_015.0)


def test_slow_corrections_are_no_steps() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.wall += 5.0
        machine.wait(60)
        assert clock.take_step() == 0


def test_better_clock_decides_what_time_it_is() -> None:
    machine = Machine()
    clock = machine.clock(begin=machine.wall - 3 * DAY)
    machine.wait(7)
    assert clock.now() == clock.oldest() == machine.wall - 3 * DAY
    assert clock.error() == 3 * DAY
    assert clock.take_step() == 0


def test_seconds_pass() -> None:
    first = passed_seconds()
    assert first <= passed_seconds() < first + 60


@pytest.mark.parametrize(("begin", "step", "kept"), [(0.0, 400 * DAY, True), (400 * DAY, 0.0, False)])
def test_files_are_not_too_old_because_the_clock_was_set(tmp_path: Path, begin: float, step: float, kept: bool) -> None:
    """In the second case, 400 days have passed."""
    file = tmp_path / "shared" / "handbook.pdf"
    file.parent.mkdir()
    file.write_text("The gateway listens on port 8443")
    set_by = [0.0]
    clock = SteadyClock(time() + begin, lambda: time() + begin + set_by[0])
    settings = Settings(data=tmp_path / "data", answer={"model": ""}, keep={"files_days": 30})
    with open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder(), clock=clock) as rag:
        set_by[0] = step
        rag.index([file])
        assert bool(rag.status().documents) is kept


def test_delays_move_with_the_clock_and_are_capped(tmp_path: Path) -> None:
    now = time()
    with closing(Catalog(tmp_path)) as catalog:
        with catalog.write_transaction() as connection:
            for number, retry_at in enumerate((0.0, now + 60, now + 3 * DAY)):
                values = {"kind": "drive", "ref": str(number), "state": "waiting", "retry_at": retry_at}
                connection.execute(insert(source).values(**values))
            paused = {
                "kind": "drive",
                "until": now + 900,
                "since": now,
                "reason": "",
                "hint": "",
                "needs_operator": False,
            }
            connection.execute(insert(outage).values(**paused))
            move_delays(connection, -2 * DAY)
        with catalog.write_transaction() as connection:
            retries = connection.scalars(select(source.c.retry_at).order_by(source.c.id)).all()
            assert retries == pytest.approx([0.0, now + 60 - 2 * DAY, now + DAY])
            assert connection.scalar(select(outage.c.until)) == pytest.approx(now + 900 - 2 * DAY, abs=5)
            cap_delays(connection, now + 3600, now)
        with catalog.read_transaction() as connection:
            retries = connection.scalars(select(source.c.retry_at).order_by(source.c.id)).all()
            assert retries == pytest.approx([0.0, now + 60 - 2 * DAY, now])
