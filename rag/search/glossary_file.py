"""Read glossaries: the ones that Magpie ships in `glossaries/`, and the team's own `glossary.toml`.

A team puts `glossary.toml` into the data folder; it is read when Magpie starts. All of its parts are optional:

    [terms]                             # a term, and the words that are also searched for
    PTO = "paid time off"               # matches the whole word, in upper or lower case
    "P&L" = "profit and loss statement"
    "works agreement" = { search = "employer employee representatives", pages = ["agreement"] }

    [[patterns]]                        # the same for text that a regular expression matches
    match = 'days? inventory|\\bDIO\\b'   # or a list of expressions, which must all match
    search = "inventories cost of sales"

    [pages.agreement]                   # a kind of page, recognized by the lines that it prints
    lines = ["scope of this agreement", "entry into force", "notice period", "signed on behalf of"]
    min_share = 0.5                     # the share of these lines that such a page has at least

An entry has `search`, `pages` or both. With `pages`, pages of these kinds are looked for in the best documents that
the search finds. If the term is a single word, a page with all words of its `search` counts as containing the term.
Terms and patterns are added to the built-in ones; a page kind replaces a built-in one of the same name. Setting
search.query_features without `glossary` turns all glossaries off.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rag.errors import BadSetting
from rag.search.glossary import Glossary, GlossaryEntry, PageKind
from rag.text import tokens

FILE_NAME = "glossary.toml"
BUILT_IN = Path(__file__).parent / "glossaries"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Entry(_Part):
    search: str = ""
    pages: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return {"search": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _adds_something(self) -> _Entry:
        if not tokens(self.search) and not self.pages:
            raise ValueError("needs words in `search`, or `pages`")
        return self


class _Pattern(_Entry):
    match: tuple[str, ...] = Field(min_length=1)

    @field_validator("match", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("match")
    @classmethod
    def _compiles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for expression in value:
            try:
                re.compile(expression)
            except re.error as error:
                raise ValueError(f"{expression!r} is not a regular expression ({error})") from error
        return value


class _PageKind(_Part):
    lines: tuple[str, ...] = Field(min_length=1)
    min_share: float = Field(default=0.5, gt=0, le=1)

    @field_validator("lines")
    @classmethod
    def _have_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(tokens(line) for line in value):
            raise ValueError("every line needs a word")
        return tuple(" ".join(line.split()) for line in value)


class _File(_Part):
    terms: dict[str, _Entry] = Field(default_factory=dict)
    patterns: tuple[_Pattern, ...] = ()
    pages: dict[str, _PageKind] = Field(default_factory=dict)

    @field_validator("terms")
    @classmethod
    def _have_words(cls, value: dict[str, _Entry]) -> dict[str, _Entry]:
        empty = next((term for term in value if not tokens(term)), None)
        if empty is not None:
            raise ValueError(f"the term {empty!r} has no letter or digit")
        return value


def load_glossary(data: Path) -> Glossary:
    """Return the built-in glossaries, extended by the team's own in the data folder.

    Raise BadSetting, which names the file and the line, for a file that is not a glossary.
    """
    glossary = Glossary()
    for path in [*sorted(BUILT_IN.glob("*.toml")), data / FILE_NAME]:
        if path.is_file():
            glossary = _extend(glossary, path)
    return glossary


def _extend(glossary: Glossary, path: Path) -> Glossary:
    try:
        text = path.read_text(encoding="utf-8")
        content = _File.model_validate(tomllib.loads(text))
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"The glossary {path} cannot be read: {error}.", "Save it as UTF-8 text that Magpie may read."
        ) from error
    except tomllib.TOMLDecodeError as error:  # the message ends with the line: "(at line 3, column 5)"
        raise BadSetting(f"The glossary {path} is not valid TOML: {error}.", "Correct this line.") from error
    except ValidationError as error:
        first = error.errors()[0]
        message = "unknown name" if first["type"] == "extra_forbidden" else first["msg"]
        raise _bad_entry(path, text, first["loc"], message) from error
    kinds = {
        **glossary.kinds,
        **{name: PageKind(name, row.lines, row.min_share) for name, row in content.pages.items()},
    }
    for where, entry in _entries_of(content):
        unknown = next((name for name in entry.pages if name not in kinds), None)
        if unknown is not None:
            raise _bad_entry(path, text, where, f"unknown page kind {unknown!r}; known: {', '.join(kinds) or 'none'}")
    terms = [_term(term, row) for term, row in content.terms.items()]
    patterns = [GlossaryEntry(_compiled(row.match), row.search, row.pages) for row in content.patterns]
    return Glossary((*glossary.entries, *terms, *patterns), kinds)


def _entries_of(content: _File) -> Iterator[tuple[tuple[str | int, ...], _Entry]]:
    """Yield each entry and where in the file it is."""
    yield from ((("terms", term), row) for term, row in content.terms.items())
    yield from ((("patterns", number), row) for number, row in enumerate(content.patterns))


def _term(term: str, row: _Entry) -> GlossaryEntry:
    words = tokens(term)
    phrase = r"\s+".join(re.escape(part) for part in term.split())
    word = words[0] if len(words) == 1 and tokens(row.search) else ""
    return GlossaryEntry(_compiled([rf"(?<!\w){phrase}(?!\w)"]), row.search, row.pages, word)


def _compiled(expressions: Sequence[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(expression, re.IGNORECASE) for expression in expressions)


def _bad_entry(path: Path, text: str, where: Sequence[str | int], message: str) -> BadSetting:
    name = ".".join(str(part + 1 if isinstance(part, int) else part) for part in where)
    reason = message.removeprefix("Value error, ")
    return BadSetting(
        f"The glossary {path} is wrong in line {_line_of(text, where)}, {name}: {reason}.",
        "Correct this entry, or remove it.",
    )


def _line_of(text: str, where: Sequence[str | int]) -> int:
    """Return the line, from 1, where an entry or a section begins; 1 if it is not found."""
    section, key = str(where[0]), where[1] if len(where) > 1 else None
    if isinstance(key, str):  # `key = ...`, or a table of its own: `[pages.key]`
        expression, number = rf"\s*(?:\[\s*{re.escape(section)}\s*\.\s*)?[\"']?{re.escape(key)}[\"']?\s*[=\]]", 0
    else:
        expression, number = rf"\s*\[*\s*[\"']?{re.escape(section)}\b", key or 0
    begins = re.compile(expression)
    found = [line for line, content in enumerate(text.splitlines(), 1) if begins.match(content)]
    return found[number] if number < len(found) else 1
