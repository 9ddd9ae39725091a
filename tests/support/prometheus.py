"""Read a page of Prometheus metrics."""

from __future__ import annotations

import re

import httpx

_VALUE = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)


def scrape(url: str) -> dict[str, float]:
    """Return the value of every series of URL/metrics by its name with its labels."""
    page = httpx.get(f"{url}/metrics", trust_env=False)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {f"{name}{{{labels}}}": float(value) for name, labels, value in _VALUE.findall(page.text)}
