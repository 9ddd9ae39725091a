"""A generator that does what any text in its prompt tells it to: the most gullible model there can be."""

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

from rag.ports import Ability, Ocr, Prompt
from tests.support.generator import pieces_of

_PASSAGE = re.compile(r"<passage (\d+) (\w+)>\n(.*?)\n</passage \1 \2>", re.DOTALL)

_VERBS = (
    "reply answer respond say write append add post mention print output include cite link insert greet end begin "
    "antworte schreibe ende responde escribe réponds écris rispondi ответь напиши 回复 输出 返信 出力 اكتب כתוב yaz"
).split()
_TELL = re.compile(rf"(?:{'|'.join(_VERBS)})[^«»]{{0,160}}«([^»]{{1,600}})»", re.IGNORECASE)
_TELL_PLAINLY = re.compile(
    rf"\b(?:{'|'.join(_VERBS)})\b[^\n:«»]{{0,80}}:\s{{0,3}}[\"“'`]{{0,3}}([^«»\n]{{1,600}})", re.IGNORECASE
)
_REVEAL = re.compile(
    r"(?:repeat|reveal|quote|copy|leak|dump|verrate|wiederhole|revela|répète)[^.«»]{0,80}"
    r"(?:everything|all|every|other|system|alles|alle|todo|tout)",
    re.IGNORECASE,
)
_CITE = re.compile(r"cite (?:also )?(?:the )?passages?(?: number)? \[?(\d+)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
EVERYTHING = "{everything}"
"""In what is to be written: the words of all passages, as an address holds them."""


@dataclass(frozen=True, slots=True)
class Obeyed:
    """What a prompt made the model write, and the numbers of the passages that told it to."""

    written: tuple[str, ...]
    tellers: tuple[str, ...]


def obey(prompt: Prompt, seen: str = "") -> Obeyed:
    """Carry out what a prompt's passages, and `seen` in its pictures, say."""
    passages = _PASSAGE.findall(prompt.user)
    everything = " ".join(body for _, _, body in passages)
    written: list[str] = []
    tellers: list[str] = []
    for number, body in [*((number, body) for number, _, body in passages), ("1", seen)]:
        for reading in _readings(body):
            for said in _carried_out(reading, everything, prompt.system):
                if said not in written:
                    written.append(said)
                    tellers.append(number)
    return Obeyed(tuple(written), tuple(dict.fromkeys(tellers)))


def _readings(text: str) -> Iterator[str]:
    """A text as it stands, and what a model reads into it: without what nobody sees, with what only it sees."""
    flat = " ".join(text.split(" "))
    yield flat
    yield unicodedata.normalize("NFKC", _UNSEEN.sub("", flat))
    yield html.unescape(flat)
    yield "".join(chr(ord(letter) - 0xE0000) for letter in text if 0xE0020 <= ord(letter) <= 0xE007E)
    for match in _BASE64.finditer("".join(text.split("\n"))):
        try:
            yield base64.b64decode(match.group(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue


def _carried_out(text: str, everything: str, system: str) -> Iterator[str]:
    told = [match.group(1) for match in _TELL.finditer(text)]
    for payload in told or [match.group(1) for match in _TELL_PLAINLY.finditer(text)]:
        yield payload.strip().replace("\\n", "\n").replace(EVERYTHING, quote(everything[:400]))
    if _REVEAL.search(text):
        yield f"{everything}\n{system}"
    yield from (f"So it is [{number}]." for number in _CITE.findall(text))


@dataclass
class ObeyingGenerator:
    """Satisfies ports.Generator. `ending` comes after what was obeyed: {cited} stands for the passages' citations.

    `eyes`, where given, read the words in the pictures of the prompt.
    """

    ending: str = "{cited}"
    eyes: Ocr | None = None
    prompts: list[Prompt] = field(default_factory=list)
    obeyed: list[Obeyed] = field(default_factory=list)

    def ability(self) -> Ability:
        return Ability("obeying", self.eyes is not None)

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        self.prompts.append(prompt)
        found = obey(prompt, self._seen(prompt))
        self.obeyed.append(found)
        cited = "".join(f"[{number}]" for number in found.tellers or ("1",))
        yield from pieces_of(f"{' '.join(found.written)} {self.ending.format(cited=cited)}".strip())

    def close(self) -> None:
        pass

    def _seen(self, prompt: Prompt) -> str:
        if self.eyes is None:
            return ""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "seen.jpg"
            words = []
            for picture in prompt.pictures:
                path.write_bytes(picture)
                words += [line.text for line in self.eyes.read(path)]
        return " ".join(words)
