"""The Grafana dashboard names only metrics and labels of the bot and the model server, and shows all of them."""

from __future__ import annotations

import json
import re
from typing import Any

from prometheus_client import Histogram

from bot.telemetry.metrics import METRICS as BOT_METRICS
from rag.model_server.metrics import METRICS as MODEL_SERVER_METRICS
from tests.docs.generate import DOCS

_NAME = re.compile(r"\bmagpie_\w+")
_LABELS = re.compile(r"by \(([^)]*)\)|\{\{(\w+)\}\}")

METRICS = (*BOT_METRICS, *MODEL_SERVER_METRICS)

DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text(encoding="utf-8"))
QUERIES = [
    (target["expr"], target["legendFormat"]) for panel in DASHBOARD["panels"] for target in panel.get("targets", ())
]


def test_queries_name_only_metrics_that_exist_and_all_of_them() -> None:
    series = {
        f"{declared.shown_name}{end}": declared.name
        for declared in METRICS
        for end in (("_bucket", "_sum", "_count") if declared.kind is Histogram else ("",))
    }
    used = {name for query, _ in QUERIES for name in _NAME.findall(query)}
    assert used - series.keys() == set()
    assert {series[name] for name in used} == {declared.name for declared in METRICS}


def test_queries_name_only_labels_of_their_metric() -> None:
    labels = {declared.name: set(declared.values) for declared in METRICS}
    for query, legend in QUERIES:
        metric = max((name for name in labels if _NAME.findall(query)[0].startswith(name)), key=len)
        named = {
            label.strip()
            for parts in _LABELS.findall(f"{query} {legend}")
            for part in parts
            for label in part.split(",")
            if label.strip()
        }
        assert named - labels[metric] - {"le"} == set(), query


def test_panels_do_not_overlap_and_ask_the_chosen_source() -> None:
    places = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not places & cells, panel["title"]
        places |= cells
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel.get("targets", ()))
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
