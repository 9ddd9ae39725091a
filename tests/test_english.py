"""Words and phrases that we agreed not to use; CONTRIBUTING.md, "Writing", says how to write instead.

`python -m tests.test_english PATH...` lists what it finds in files and folders.
"""

from __future__ import annotations

import re
import sys
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.generate import handwritten

ROOT = Path(__file__).resolve().parent.parent

PLACES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "manifest.yml", "docs", "rag", "bot")
"""Files and folders that are checked. Generated parts of docs/ are checked where they are written."""

_IZE = "recogni|organi|summari|normali|initiali|seriali|optimi|minimi|maximi|tokeni|capitali|categori|synchroni"

BANNED: Mapping[str, str] = {
    # Metaphors
    r"\bhouses?\b": "name the thing: this machine, your network, the data folder",
    r"\brooms?\b": "channel, conversation, package, space",
    r"\bdoors?\b": "API, entry point, authentication",
    r"\bcrews?\b": "workers",
    r"\berrands?\b": "job",
    r"\btowns?\b": "workspace",
    r"\bheed(?:s|ed|ing)?\b": "handle, process, follow",
    r"\b(?:un)?told\b": "say who calls or notifies what: is notified, receives",
    r"\btold apart\b": "distinguished",
    # Words that need a second reading
    r"\bnobody\b": "no one, or name who",
    r"\bsomebody\b": "someone, or name who",
    r"\beverybody\b": "everyone, or name who",
    r"\bwhoever\b": "the person who",
    r"\bwhom\b": "who, or turn the sentence around",
    r"\bnor\b": "and not; or two sentences",
    r"\bin vain\b": "without success; say what happens",
    r"\bunseen\b": "not visible, not read yet",
    r"\bwholly\b": "completely",
    r"\bnowhere\b": "not found",
    r"\bthereof\b|\bwherein\b|\bwhereof\b|\bhereby\b|\bthereby\b": "a plain word",
    r"\bfor want of\b": "without",
    r"\bas yet\b": "yet",
    r"\bso as to\b": "to",
    # Constructions
    r"(?<!\bthere\s)\b(?:is|are|was|were) no (?!(?:longer|more|less|fewer|better|worse)\b)\w+": "is not a",
    r"\bof (?:what|whose)\b[^.;:]{0,60}\b(?:is|are|was|were|has|have)\b": "start with the subject",
    r"\b(?:are|is|wait|waits|stand|stands|their|the|a) in (?:the )?line\b(?! \d)": "queued",
    r"\bin line:": "Queued:",
    r"\bcounts? as (?:yes|no)\b": "is granted, is denied",
    r"\bwhat \w+ is told\b": "say what is sent",
    # British spellings
    r"\b(?:colour|neighbour|harbour|behaviour|favour|honour|labour|rumour)\w*": "American: color, neighbor, harbor",
    rf"\b\w*(?:{_IZE})s(?:e|es|ed|ing|ation)\b": "American: -ize",
    r"\b(?:analyse|analysed|analysing|catalogue|centre|licence|grey|defence|artefact)s?\b": "American spelling",
    r"\b(?:labell|cancell|travell|modell|signall)(?:ed|ing)\b": "American: labeled, canceled",
}
"""A regular expression, without case, and what to write instead."""

EXCLUDED = ("migrations/versions", "bot/demo/samples")
"""Folders that are not checked: released migrations never change, and sample documents are not our prose."""

ALLOWED = (
    r"#?harbour-watch",
    r"harbour[\w-]*\.pdf",
    r"chat room",
    r"my no nor not of",
    r"who whom whose",
    r"never nobody none nothing neither nor",
    r"door, van",
    r"summarize, summarise",
    r"doen door dus",
)
"""Quoted samples, and words in lists of stop words and of other languages."""


class Finding(NamedTuple):
    place: str
    line: int
    words: str
    instead: str

    def __str__(self) -> str:
        return f"{self.place}:{self.line}: “{self.words}”: {self.instead}"


# A phrase may go over the end of a line.
_BANNED = [(re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), each) for pattern, each in BANNED.items()]
_ALLOWED = re.compile("|".join(ALLOWED), re.IGNORECASE)


def findings(text: str, place: str, first: int = 1) -> Iterator[Finding]:
    """Yield banned words of a text whose first line has the number `first`."""
    blanked = _ALLOWED.sub(lambda found: " " * len(found[0]), text)
    for pattern, instead in _BANNED:
        for found in pattern.finditer(blanked):
            line = first + blanked.count("\n", 0, found.start())
            yield Finding(place, line, " ".join(found[0].split()), instead)


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, text): comments and strings of a Python file, else the whole file."""
    if path.suffix == ".py":
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                name = tokenize.tok_name[token.type]
                if name in ("COMMENT", "STRING", "FSTRING_MIDDLE"):  # the last from Python 3.12 on
                    yield token.start[0], token.string
    elif path.suffix == ".md":
        yield 1, _without_code(handwritten_keeping_lines(path.read_text(encoding="utf-8")))
    else:
        yield 1, path.read_text(encoding="utf-8")


def handwritten_keeping_lines(page: str) -> str:
    """Return a page with its generated parts blanked, so that line numbers stay."""
    kept = handwritten(page)
    return page if kept == page else _GENERATED.sub(lambda found: "\n" * found[0].count("\n"), page)


_GENERATED = re.compile(r"<!-- generated: .*?<!-- end of generated: [\w-]+ -->", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def _without_code(page: str) -> str:
    def comments(found: re.Match[str]) -> str:
        """Keep what follows a # in a code block: it is prose."""
        return "\n".join(line.partition("#")[2] for line in found[0].split("\n"))

    return _CODE.sub(comments, page)


def files(place: Path) -> list[Path]:
    """Return the files below a folder that hold prose, or the file itself."""
    if place.is_file():
        return [place]
    found = [path for suffix in ("*.py", "*.md", "*.html", "*.js") for path in place.rglob(suffix)]
    return sorted(path for path in found if not any(part in path.as_posix() for part in EXCLUDED))


def found_in(place: Path) -> list[Finding]:
    return [
        finding
        for path in files(place)
        for line, text in prose(path)
        for finding in findings(text, str(path.relative_to(ROOT)), line)
    ]


@pytest.mark.parametrize("place", PLACES)
def test_place_has_no_banned_words(place: str) -> None:
    found = found_in(ROOT / place)
    assert not found, "\n" + "\n".join(map(str, found))


def test_places_exist() -> None:
    assert all((ROOT / place).exists() for place in PLACES)


@pytest.mark.parametrize(
    "text",
    [
        "Nothing leaves the house.",
        "The errand channel C1 is in vain: …",
        "Nor can that be said:",
        "What Slack does not say counts as no.",
        "embed.url is no address of a GPU host",
        "Of what all the indexed is, how often words occur weighs in the ranking.",
        "Questions wait in line.",
        "In line: 3 questions are before yours.",
        "sources somebody waits\nfor, and whom to tell",
        "whose turn it is in\nvain",
        "It recognises colours.",
    ],
)
def test_banned_words_are_found(text: str) -> None:
    assert list(findings(text, "here"))


@pytest.mark.parametrize(
    "text",
    [
        "A file that is no longer shared is removed.",
        "There is no model: answers are passages.",
        "Error in line 3 of q.jsonl.",
        "Ada shares harbour-gateway-handbook.pdf in #harbour-watch.",
        "It tells the reader which of them is missing.",
        "The questions are not northern.",
    ],
)
def test_plain_sentences_pass(text: str) -> None:
    assert not list(findings(text, "here"))


def test_line_numbers_and_code_are_right(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n\n`room` and\n\n```sh\nroom  # a crew\n```\nnobody\n", encoding="utf-8")
    code = tmp_path / "code.py"
    code.write_text('room = 1  # a town\nx = """A text.\n\nSomebody."""\n', encoding="utf-8")
    found = [
        (each.line, each.words)
        for path in (page, code)
        for line, text in prose(path)
        for each in findings(text, "", line)
    ]
    assert sorted(found) == [(1, "town"), (4, "Somebody"), (6, "crew"), (8, "nobody")]


if __name__ == "__main__":
    listed = [finding for name in sys.argv[1:] for finding in found_in(Path(name).resolve())]
    sys.stdout.write("".join(f"{finding}\n" for finding in listed) + f"{len(listed)} found\n")
    sys.exit(1 if listed else 0)
