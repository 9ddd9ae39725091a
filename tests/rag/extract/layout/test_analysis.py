"""What Magpie uses of PyMuPDF's layout model, which is not public: its class, its result, and its sessions."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime
import pymupdf
import pymupdf.layout
import pytest
from pymupdf.layout.onnx.BoxRFDGNN import BoxRFDGNN

from rag.extract.layout.analysis import Layout, limited_onnx_threads, open_layout
from rag.model.extraction import BlockKind

MODEL = str(next(Path(pymupdf.layout.__file__).parent.glob("resources/onnx/table_grid_model_v2_conn.onnx")))


def session() -> Any:
    return onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])


def threads_of(session: Any) -> int:
    return int(session.get_session_options().intra_op_num_threads)


@pytest.fixture
def page() -> Any:
    """A page with a heading, a paragraph and a table with lines."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 80), "Pump station report", fontsize=22)
    page.insert_textbox((72, 110, 520, 200), "The pump of the lower station was replaced in March. " * 8, fontsize=11)
    for row in range(5):
        for column in range(3):
            rect = pymupdf.Rect(72 + 140 * column, 240 + 24 * row, 212 + 140 * column, 264 + 24 * row)
            page.draw_rect(rect)
            page.insert_text((rect.x0 + 8, rect.y1 - 8), f"cell {row}{column}", fontsize=10)
    return page


def test_library_has_the_class_and_the_result_that_are_used(page: Any) -> None:
    groups = BoxRFDGNN(use_sort=True).predict(page, return_raw=True)
    assert {"title", "section-header", "text", "table"} & {group["class_name"] for group in groups}
    assert all(len(group["group_bbox"]) >= 4 for group in groups)
    grids = [group["table_grid"] for group in groups if group.get("table_grid")]
    assert grids
    assert all(list(grid.h_lines) and list(grid.v_lines) for grid in grids)


def test_layout_finds_the_regions_of_a_page(page: Any) -> None:
    kinds = {region.kind for region in Layout(pymupdf, 1).regions(page)}
    assert BlockKind.TABLE in kinds
    assert BlockKind.TEXT in kinds


def test_sessions_are_limited_only_inside_the_block_and_only_in_its_thread() -> None:
    original = onnxruntime.InferenceSession
    with limited_onnx_threads(3), ThreadPoolExecutor(1) as other:
        assert threads_of(session()) == 3
        assert threads_of(other.submit(session).result()) == 0  # onnxruntime's own default
    assert onnxruntime.InferenceSession is original
    assert threads_of(session()) == 0


def test_blocks_of_two_threads_follow_each_other() -> None:
    original = onnxruntime.InferenceSession
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with limited_onnx_threads(2):
            inside.set()
            leave.wait(10)

    def limited() -> int:
        with limited_onnx_threads(4):
            return threads_of(session())

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert inside.wait(10)
        second = pool.submit(limited)
        assert not second.done()
        leave.set()
        first.result(10)
        assert second.result(10) == 4
    assert onnxruntime.InferenceSession is original


def test_sessions_of_the_layout_model_are_limited() -> None:
    layout, problem = open_layout(pymupdf, 1)
    assert problem == ""
    assert layout is not None
    assert threads_of(layout.model.session) == 1
