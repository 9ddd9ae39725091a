"""Local Slack workspaces for tests: the repository's manifest, and a factory for the fixture `ws`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.demo.slack_server import Workspace, open_workspace

MANIFEST = Path(__file__).resolve().parents[2] / "manifest.yml"
AGENT_MANIFEST = MANIFEST.parent / "bot" / "manifest.agent.yml"
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@contextmanager
def without_proxies() -> Iterator[None]:
    """Unset the proxy variables. slack_sdk uses a proxy even for this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXY_VARIABLES:
            patch.delenv(name, raising=False)
        yield


def workspace_fixture(per: Literal["function", "module"] = "function", **options: Any) -> Any:
    """Return a fixture that opens a workspace for each test, or one for the module.

    `options` are those of `open_workspace`.

    Assign it to the fixture's name in a test module or conftest: `ws = workspace_fixture(manifest=MANIFEST)`.
    """

    @pytest.fixture(name="ws", scope=per)
    def fixture() -> Iterator[Workspace]:
        with without_proxies(), open_workspace(**options) as workspace:
            yield workspace

    return fixture
