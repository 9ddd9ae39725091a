"""Tests of the media types of texts: tables, logs and source code."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.extract.file_types import CSV, TEXT, detect_media_type
from rag.setting_groups import ReadSettings

LOGS = {
    "python": "2026-03-02 10:00:{0:02},{0:03} INFO pump {0} started\n",
    "java": "[2026-03-02T10:00:{0:02},{0:03}] [main] pump {0}, valve 2\n",
    "time only": "10:00:{0:02},{0:03} pump {0}\n",
    "columns": "2026-03-02 10:00:{0:02}.123 | INFO | pumps:start:12 | pump {0} started\n",
    "tabs": "Mar  2 10:00:{0:02}\tWARN\tpump {0}\n",
}
CODE = {
    "javascript": "const a=1;\nlet b=2;\nvar c=a+b;\nlet d=4;\n",
    "c": "int first;\nint second;\nchar third;\nlong fourth;\n",
    "comments": "int first;\nint second; // the second\n" + "char third;\n" * 30,
    "calls": "open_gate(1,2);\nopen_gate(3,4);\nclose_gate(5,6);\n",
    "python calls": "open_gate(1,2)\nopen_gate(3,4)\nclose_gate(5,6)\n",
    "indented": "\tfirst\n\tsecond\n\tthird\n",
}
TABLES = {
    "semicolons at the ends": "Date;Payee;Amount;\n2026-03-02;Ada;5;\n2026-03-03;Ben;7;\n",
    "times": "2026-03-02 10:00:00,123\n2026-03-02 10:01:00,124\n2026-03-02 10:02:00,125\n",
    "measured": "10:00:00,123,5.1\n10:00:01,124,5.2\n10:00:02,125,5.3\n",
    "exported log": "time,level,message\n2026-03-02 10:00:00,INFO,started\n2026-03-02 10:00:01,INFO,stopped\n",
    "empty cells": "name;comment\nAda;\nBen;\nCosima;late\n",
    "brackets": "name,country\nAda,Korea (South)\nBen,Korea (North)\nCosima,Chad\n",
}


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        *(("".join(line.format(number) for number in range(20)), TEXT) for line in LOGS.values()),
        *((text, TEXT) for text in CODE.values()),
        *((text, CSV) for text in TABLES.values()),
    ],
    ids=[*LOGS, *CODE, *TABLES],
)
def test_logs_and_code_are_texts_and_tables_are_tables(tmp_path: Path, text: str, media_type: str) -> None:
    path = tmp_path / "any"
    path.write_text(text)
    assert detect_media_type(path, ReadSettings()) == media_type
