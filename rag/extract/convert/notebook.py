"""Jupyter notebooks, cell by cell: words, code, and outputs with their pictures."""

from __future__ import annotations

import binascii
import html
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert import markdown
from rag.extract.convert.encodings import decode_text
from rag.extract.convert.file_pictures import FilePictures
from rag.extract.convert.plain_text import normalize_text, wrap_line
from rag.extract.convert.rich_text import RichText, missing_pictures, page_parts
from rag.model.extraction import Note

NOTEBOOK = "application/x-ipynb+json"

_START = re.compile(r'\s*\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:')
_CELL = re.compile(r'"cell_type"\s*:|"nbformat"\s*:')
_COLUMNS = 90
_MAX_OUTPUT_CHARS = 50_000
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def is_notebook(text: str) -> bool:
    """Return whether the beginning of a text is that of a notebook."""
    return _START.match(text) is not None and _CELL.search(text) is not None


def read_notebook(path: Path, max_megapixels: int) -> RichText:
    """Return the cells of a notebook. Raise Unreadable if it is damaged or empty."""
    try:
        notebook = json.loads(decode_text(path.read_bytes()) or "")
        cells = notebook.get("cells") or [cell for sheet in notebook.get("worksheets", ()) for cell in sheet["cells"]]
        return _Reader(max_megapixels).read(cells)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable("The notebook is damaged and can't be opened.", "Save it again in Jupyter.") from error


class _Reader:
    """Collects the HTML of the cells; pictures of outputs have numbers as addresses."""

    def __init__(self, max_megapixels: int) -> None:
        self._outputs: dict[str, bytes] = {}
        self._pictures = FilePictures(self._outputs.get, max_megapixels)
        self._title = ""
        self._missing = 0
        self._is_cut = False

    def read(self, cells: list[dict[str, Any]]) -> RichText:
        parts = [part for cell in cells for part in self._cell(cell) if part]
        if not parts:
            raise Unreadable("The notebook is empty.", "Save it again in Jupyter.")
        cut = Note(f"Outputs of cells are cut after {_MAX_OUTPUT_CHARS:,} characters.", lost=True)
        notes = (*missing_pictures(self._missing), *([cut] if self._is_cut else []))
        return RichText(parts, self._pictures, self._title, notes)

    def _cell(self, cell: dict[str, Any]) -> Iterator[str]:
        source = _joined(cell.get("source", cell.get("input", "")))
        match cell.get("cell_type"):
            case "markdown" | "heading":
                level = "#" * int(cell.get("level", 0))
                rendered = markdown.render_markdown(normalize_text(f"{level} {source}" if level else source))
                self._title = self._title or rendered.title
                yield from rendered.parts
            case "code":
                count = cell.get("execution_count", cell.get("prompt_number"))
                label = f"In [{count}]:" if isinstance(count, int) else "In:"
                if source.strip():
                    yield f"<p><b>{label}</b></p>{_code(source)}"
                for output in cell.get("outputs", ()):
                    yield from self._output(output)
            case _:
                yield _code(source) if source.strip() else ""

    def _output(self, output: dict[str, Any]) -> Iterator[str]:
        kind = output.get("output_type")
        if kind == "stream":
            yield self._text(_joined(output.get("text", "")))
        elif kind in ("error", "pyerr"):
            yield self._text("\n".join(output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]))
        else:
            data = output.get("data") or {f"text/{name}": output[name] for name in ("html", "plain") if name in output}
            picture = next((kind for kind in _PICTURES if kind in data), None)
            if picture is not None:
                yield self._picture(_joined(data[picture]))
            elif "text/html" in data:
                simple = page_parts(self._cut(_joined(data["text/html"])), self._pictures.tag)
                self._missing += simple.missing_pictures
                yield from simple.parts
            elif "text/markdown" in data:
                yield from markdown.render_markdown(normalize_text(self._cut(_joined(data["text/markdown"])))).parts
            elif "text/latex" in data:
                yield self._text(_joined(data["text/latex"]))
            elif "image/svg+xml" in data:
                self._missing += 1
            elif "text/plain" in data:
                yield self._text(_joined(data["text/plain"]))
            else:
                self._missing += bool(data)

    def _text(self, text: str) -> str:
        return _code(self._cut(text)) if text.strip() else ""

    def _cut(self, text: str) -> str:
        self._is_cut = self._is_cut or len(text) > _MAX_OUTPUT_CHARS
        return text[:_MAX_OUTPUT_CHARS]

    def _picture(self, data: str) -> str:
        address = str(len(self._outputs))
        try:
            self._outputs[address] = b64decode(data)
        except (binascii.Error, ValueError):
            self._missing += 1
            return ""
        tag = self._pictures.tag(address)
        self._outputs[address] = b""
        self._missing += tag is None
        return f"<p>{tag}</p>" if tag else ""


def _joined(value: object) -> str:
    """Return a text that a notebook stores as one string or as lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _code(text: str) -> str:
    lines = [
        piece for line in normalize_text(text).expandtabs(4).split("\n") for piece in wrap_line(line.rstrip(), _COLUMNS)
    ]
    return f"<pre>\n{html.escape(chr(10).join(lines), quote=False)}</pre>"
