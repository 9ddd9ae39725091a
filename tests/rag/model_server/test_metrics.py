"""The model server's metrics: each declared one is on its page, with values after real requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from rag.model_server.metrics import METRICS
from rag.setting_groups import EmbedSettings, ServeSettings
from rag.settings import Settings
from rag.wire import PICTURES_TYPE, pack_pictures
from tests.rag.model_server.test_app import png
from tests.support.encoder import FakeEncoder
from tests.support.gpu_host import gpu_host
from tests.support.prometheus import scrape


def test_every_declared_metric_has_a_value_after_requests() -> None:
    encoder = FakeEncoder()
    settings = Settings(embed=EmbedSettings(picture_batch=2, text_batch=8), serve=ServeSettings(port=0, wait_ms=1))
    lease = {"client": "a" * 32, "seconds": 60}

    def send_pictures(*pictures: bytes) -> httpx.Response:
        return client.post("/pictures", content=pack_pictures(pictures), headers={"content-type": PICTURES_TYPE})

    with (
        gpu_host(settings, encoder) as url,
        httpx.Client(base_url=url, trust_env=False) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        client.post("/texts", json={"texts": ["a gull", "a heron", "a crane"]})
        client.post("/texts", json={"texts": "not a list"})
        send_pictures(png(), b"damaged")
        client.post("/away", json=lease)
        client.post("/back", json=lease)
        encoder.entered = type(encoder.entered)(0)
        encoder.open.clear()
        sent = pool.submit(send_pictures, *[png()] * 5)
        try:
            assert encoder.entered.acquire(timeout=30)
            waiting = scrape(url)['magpie_embedder_waiting{modality="picture"}']
            held = encoder.batches[-1][1]
        finally:
            encoder.open.set()
        assert sent.result(30).status_code == 200
        found = scrape(url)
    assert waiting == 5 - held > 0
    batches = {
        "text": [size for what, size in encoder.batches if what == "texts"],
        "picture": [size for what, size in encoder.batches if what == "pictures"],
    }
    assert found == found | {
        'magpie_embedder_requests_total{path="/texts",status="200"}': 1,
        'magpie_embedder_requests_total{path="/texts",status="422"}': 1,
        'magpie_embedder_requests_total{path="/pictures",status="200"}': 2,
        'magpie_embedder_vectors_total{modality="text"}': 1 + 3,  # the first one is made when the server starts
        'magpie_embedder_vectors_total{modality="picture"}': 1 + 5,
        "magpie_embedder_pictures_refused_total{}": 1,
        'magpie_embedder_waiting{modality="picture"}': 0,
        'magpie_embedder_move_seconds_count{to="memory"}': 1,
        'magpie_embedder_move_seconds_count{to="card"}': 1,
        'magpie_embedder_prepare_seconds_count{modality="text"}': 2,
        'magpie_embedder_prepare_seconds_count{modality="picture"}': 2 + 5,
    }
    for modality, sizes in batches.items():
        labels = f'{{modality="{modality}"}}'
        assert found[f"magpie_embedder_batch_size_count{labels}"] == len(sizes)
        assert found[f"magpie_embedder_batch_size_sum{labels}"] == sum(sizes)
        assert found[f"magpie_embedder_encode_seconds_count{labels}"] == len(sizes)
        assert found[f"magpie_embedder_encode_seconds_sum{labels}"] > 0
    names = {series.split("{")[0] for series in found}
    assert {each.shown_name for each in METRICS} <= names | {name.removesuffix("_count") for name in names}
