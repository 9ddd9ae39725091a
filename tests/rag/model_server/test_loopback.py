"""The loopback guard: requests under another host name, as by DNS rebinding, are refused."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.model_server.loopback import names_loopback
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from tests.support.encoder import FakeEncoder
from tests.support.gpu_host import gpu_host

PATHS = ["/health", "/metrics", "/identity", "/pictures", "/texts", "/windows", "/away", "/back", "/nothing"]


@pytest.mark.parametrize("token", ["", "a-long-random-word"])
def test_requests_need_a_local_host_name_without_a_token(token: str) -> None:
    settings = Settings(embed=EmbedSettings(token=token or None), serve=ServeSettings(port=0))
    with gpu_host(settings, FakeEncoder()) as url, httpx.Client(base_url=url, trust_env=False) as client:
        port = httpx.URL(url).port
        for path in PATHS:
            for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "10.0.0.1"):
                response = client.post(path, json={"texts": ["x"]}, headers={"host": host})
                assert (response.status_code == 421) is (token == ""), (path, host)
            for host in (f"127.0.0.1:{port}", "localhost", "LOCALHOST:9", "[::1]:8468"):
                response = client.post(path, json={"texts": ["x"]}, headers={"host": host})
                assert response.status_code != 421, (path, host)
        refused = client.get("/identity", headers={"host": "evil.example"})
        assert token or "MAGPIE_EMBED__TOKEN" in refused.text


def test_exactly_one_host_header_is_needed() -> None:
    assert names_loopback(["localhost"])
    assert not names_loopback([])
    assert not names_loopback(["localhost", "localhost"])


@pytest.mark.parametrize(
    "host",
    [
        "evil@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1/evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1:port",
        "localhost.evil.example",
        "0.0.0.0",
        "2130706433",
        "[::1",
        " localhost",
        "",
    ],
)
def test_names_similar_to_this_machine_are_refused(host: str) -> None:
    assert not names_loopback([host])


@given(name=st.from_regex(r"[a-z0-9-]{1,20}\.[a-z]{2,6}", fullmatch=True), port=st.integers(1, 65535))
def test_dns_names_are_not_this_machine(name: str, port: int) -> None:
    assert not names_loopback([f"{name}:{port}"])


@given(st.text(max_size=40))
def test_any_header_is_accepted_or_refused_without_an_error(host: str) -> None:
    assert names_loopback([host]) in (True, False)
