"""A generator that obeys every order in its prompt, to test the guards against the worst possible model."""

from __future__ import annotations

import base64
import binascii
import html
import re
import tempfile
import unicodedata
from collections.abc import Generator as Generating
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from rag.ports import ModelInfo, Ocr, Prompt
from tests.support.generator import pieces_of

_PASSAGE = re.compile(r"<passage (\d+) (\w+)>\n(.*?)\n</passage \1 \2>", re.DOTALL)

_VERBS = (
    "reply answer respond say write append add post mention print output include cite link insert greet end begin "
    "antworte schreibe ende responde escribe réponds écris rispondi ответь напиши 回复 输出 返信 出力 اكتب כתוב yaz"
).split()
_ORDER = re.compile(rf"(?:{'|'.join(_VERBS)})[^«»]{{0,160}}«([^»]{{1,600}})»", re.IGNORECASE)
_ORDER_PLAINLY = re.compile(
    rf"\b(?:{'|'.join(_VERBS)})\b[^\n:«»]{{0,80}}:\s{{0,3}}[\"“'`]{{0,3}}([^«»\n]{{1,600}})", re.IGNORECASE
)
_REVEAL = re.compile(
    r"(?:repeat|reveal|quote|copy|leak|dump|verrate|wiederhole|revela|répète)[^.«»]{0,80}"
    r"(?:everything|all|every|other|system|alles|alle|todo|tout)",
    re.IGNORECASE,
)
_CITE = re.compile(r"cite (?:also )?(?:the )?passages?(?: number)? \[?(\d+)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
EVERYTHING = "{everything}"
"""Placeholder in an order for the words of all passages, quoted for a URL."""


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What a prompt made the model write, and the numbers of the passages with the orders."""

    written: tuple[str, ...]
    sources: tuple[str, ...]


def obey(prompt: Prompt, seen: str = "") -> Obeyed:
    """Follow the orders in a prompt's passages and in `seen`, the words of its pictures."""
    passages = _PASSAGE.findall(prompt.user)
    everything = " ".join(body for _, _, body in passages)
    written: list[str] = []
    sources: list[str] = []
    for number, body in [*((number, body) for number, _, body in passages), ("1", seen)]:
        for reading in _readings(body):
            for text in _follow_orders(reading, everything, prompt.system):
                if text not in written:
                    written.append(text)
                    sources.append(number)
    return Obeyed(tuple(written), tuple(dict.fromkeys(sources)))


def _readings(text: str) -> Iterator[str]:
    """Yield the ways in which a model may read a text: as it is, without hidden characters, decoded."""
    flat = " ".join(text.split(" "))
    yield flat
    yield unicodedata.normalize("NFKC", _HIDDEN.sub("", flat))
    yield html.unescape(flat)
    yield "".join(chr(ord(letter) - 0xE0000) for letter in text if 0xE0020 <= ord(letter) <= 0xE007E)
    for match in _BASE64.finditer("".join(text.split("\n"))):
        try:
            yield base64.b64decode(match.group(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue


def _follow_orders(text: str, everything: str, system: str) -> Iterator[str]:
    quoted = [match.group(1) for match in _ORDER.finditer(text)]
    for payload in quoted or [match.group(1) for match in _ORDER_PLAINLY.finditer(text)]:
        yield payload.strip().replace("\\n", "\n").replace(EVERYTHING, quote(everything[:400]))
    if _REVEAL.search(text):
        yield f"{everything}\n{system}"
    yield from (f"So it is [{number}]." for number in _CITE.findall(text))


@dataclass
class ObeyingGenerator:
    """Implements ports.Generator. `ending` follows the text of the orders; {cited} becomes their passages' citations.

    `ocr` recognizes the words in the pictures of the prompt, if given.
    """

    ending: str = "{cited}"
    ocr: Ocr | None = None
    prompts: list[Prompt] = field(default_factory=list)
    obeyed: list[Obeyed] = field(default_factory=list)

    def model_info(self) -> ModelInfo:
        return ModelInfo("obeying", self.ocr is not None)

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        self.prompts.append(prompt)
        found = obey(prompt, self._seen(prompt))
        self.obeyed.append(found)
        cited = "".join(f"[{number}]" for number in found.sources or ("1",))
        yield from pieces_of(f"{' '.join(found.written)} {self.ending.format(cited=cited)}".strip())

    def close(self) -> None:
        pass

    def _seen(self, prompt: Prompt) -> str:
        if self.ocr is None:
            return ""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "seen.jpg"
            words = []
            for picture in prompt.pictures:
                path.write_bytes(picture)
                words += [line.text for line in self.ocr.recognize(path).lines]
        return " ".join(words)
