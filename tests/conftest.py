"""What holds for every test."""

from __future__ import annotations

import compileall
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from sqlalchemy.dialects import registry

# By default, Magpie looks for an embedder in the machine's Ollama and cache. Tests must not depend on what these have.
os.environ["MAGPIE_TEXT__MODEL"] = ""

# The module is imported with the first engine.
registry.register("sqlite", "tests.support.compiled_statements", "SharingDialect")

WORKER_GB = 3.0
"""What one worker may take: 1.8 GB with torch and Chroma loaded (measured), and a child that reads beside it."""
MOST_WORKERS = 4
"""More would share what makes a test slow, which is reading and embedding on every core at once."""

# How fast a busy machine draws examples says nothing about the code: tests that time something do so themselves.
# The same examples each time, so that a failure is of the change that shows it; `make explore` draws others, and keeps
# those that fail.
settings.register_profile("magpie", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile(
    "explore",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=1000,
    database=DirectoryBasedExampleDatabase(Path(__file__).parent.parent / ".hypothesis" / "examples"),
)
settings.load_profile("magpie")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shots", metavar="DIR", help="write pictures of the browser tests' steps into this folder")
    parser.addoption("--axe", metavar="FILE", help="axe-core's axe.min.js, to look at the page with it")


def pytest_configure(config: pytest.Config) -> None:
    """Compile the product, which the processes that the tests start would do again and again.

    A process in a sandbox cannot write compiled modules, and none does where PYTHONDONTWRITEBYTECODE is set.
    """
    if not hasattr(config, "workerinput"):
        for package in ("rag", "bot"):
            compileall.compile_dir(Path(__file__).parent.parent / package, quiet=1)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many workers `-n auto` of pyproject.toml means; 0 is this process alone.

    A worker takes seconds to start, which a folder of tests earns back and a file or two does not.
    """
    if all(Path(argument.partition("::")[0]).is_file() for argument in config.args):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return workers(cores, memory_gb())


def workers(cores: int, memory: float) -> int:
    """Processes for `cores` cores that fit in `memory` GB; one is not worth its start, so 0 stands for it.

    One more than cores: with as many, half of their time was spent waiting, for the paces of Slack for example.
    """
    fitting = min(cores + 1, MOST_WORKERS, int(memory / WORKER_GB))
    return fitting if fitting > 1 else 0


def memory_gb() -> float:
    """The machine's memory. Where it is not told, enough for every worker."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return WORKER_GB * MOST_WORKERS
