"""Tables of tokens in PostgreSQL: what matches is found by a GIN index, and ranked by BM25 with FTS5's formula.

A table has a row for each text, with two tsvectors that are made of our tokens: `written`, whose labels A to D are its
fields, and `forms`. Positions of a field are those of its tokens; no phrase goes from one field to the next.
`ts_rank_cd` of a word or a phrase is the sum of the weights of its occurrences, which is what BM25 needs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from sqlalchemy import Connection, Float, Integer, String, Subquery, text

from rag.analysis.analyzer import SURFACE
from rag.catalog.indexed_words import Tokens
from rag.ports import Term

FIELDS = {"title": "A", "heading": "B", "caption": "C", "body": "D"}
"""The fields with words as they are written, and their labels."""

FORMS = "forms"
"""The field with other forms of the words, which count as found only where a term may be anywhere, and the surfaces."""

_MAX_TOKEN = 500
"""Characters of a token; PostgreSQL takes 2046 bytes. No word is that long, but a number may be."""

_MAX_POSITION = 16_383
"""The highest position that PostgreSQL keeps. Later tokens of a field are found at this one, and in no phrase."""

_HALF = 2
"""Weights are halved for `ts_rank_cd`, which takes none above 1. Quarters are exact in its four bytes."""

_CREATE = """
CREATE TABLE {name} (rowid INTEGER PRIMARY KEY, size INTEGER NOT NULL, written TSVECTOR NOT NULL,
    forms TSVECTOR NOT NULL) WITH (toast_tuple_target = 8160);
ALTER TABLE {name} ALTER written SET STORAGE MAIN, ALTER forms SET STORAGE MAIN;
CREATE INDEX ix_{name} ON {name} USING gin (written, forms) WITH (fastupdate = off);
CREATE TABLE {name}_size (texts INTEGER NOT NULL, tokens BIGINT NOT NULL);
INSERT INTO {name}_size VALUES (0, 0)
"""
"""Texts of a few kilobytes stay in their rows: they are read whenever they match. `_size` has the sums of all."""

_PUT = """
WITH new AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS JSONB))
        AS new(rowid INTEGER, size INTEGER, written TSVECTOR, forms TSVECTOR)
), added AS (
    INSERT INTO {name} SELECT rowid, size, written, forms FROM new
)
UPDATE {name}_size SET texts = texts + (SELECT count(*) FROM new), tokens = tokens + (SELECT sum(size) FROM new)
"""

_ADD_TERMS = """
INSERT INTO {vocabulary} AS known SELECT key, CAST(value AS INTEGER) FROM jsonb_each_text(CAST(:terms AS JSONB))
ON CONFLICT (term) DO UPDATE SET texts = known.texts + excluded.texts
"""

_GONE = """
WITH gone AS (
    DELETE FROM {name}
    WHERE rowid IN (SELECT CAST(value AS INTEGER) FROM jsonb_array_elements_text(CAST(:ids AS JSONB)))
    RETURNING size, forms
)
"""

_LOST = """
, lost AS (
    SELECT term COLLATE "C" AS term, count(*) AS texts FROM gone CROSS JOIN unnest(tsvector_to_array(forms)) AS term
    WHERE starts_with(term, '{surface}') GROUP BY term
), rarer AS (
    UPDATE {vocabulary} AS known SET texts = known.texts - lost.texts
    FROM lost WHERE known.term = lost.term AND known.texts > lost.texts
), missing AS (
    DELETE FROM {vocabulary} AS known USING lost WHERE known.term = lost.term AND known.texts <= lost.texts
)
"""

_COUNT_GONE = """
UPDATE {name}_size
SET texts = texts - (SELECT count(*) FROM gone), tokens = tokens - (SELECT coalesce(sum(size), 0) FROM gone)
"""

_RANKED = """
WITH phrase AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:phrases AS JSONB)) AS phrase(number INTEGER, written TSQUERY, forms TSQUERY)
), hits AS MATERIALIZED (
    SELECT number, rowid, CAST(size AS FLOAT) AS size,
        CASE WHEN found.written @@ phrase.written
            THEN CAST({half} AS FLOAT) * ts_rank_cd(CAST(:weights AS FLOAT4[]), found.written, phrase.written)
            ELSE 0 END
        + CASE WHEN found.forms @@ phrase.forms
            THEN CAST(:forms_weight AS FLOAT) * ts_rank_cd('{{1, 1, 1, 1}}', found.forms, phrase.forms)
            ELSE 0 END
        AS frequency
    FROM phrase CROSS JOIN LATERAL ({matching}) AS found
), held AS MATERIALIZED (
    SELECT number, CAST(count(*) AS FLOAT) AS holders FROM hits GROUP BY number
), total AS MATERIALIZED (
    SELECT CAST(texts AS FLOAT) AS texts, CAST(tokens AS FLOAT) / nullif(texts, 0) AS average FROM {name}_size LIMIT 1
), idf AS (
    SELECT number, average,
        CASE WHEN holders * 2 < texts THEN ln((texts - holders + 0.5) / (holders + 0.5)) ELSE 0.000001 END AS idf
    FROM held CROSS JOIN total
)
SELECT rowid AS id, sum(
    idf * (frequency * CAST(2.2 AS FLOAT)
        / (frequency + CAST(1.2 AS FLOAT) * (CAST(0.25 AS FLOAT) + CAST(0.75 AS FLOAT) * size / average)))
    ORDER BY number
) AS score
FROM hits JOIN idf USING (number) GROUP BY rowid
"""
"""BM25 with k1 = 1.2 and b = 0.75. As in FTS5, a phrase that more than half of the texts have counts a little."""

_MATCHING = """
SELECT * FROM {name} AS one WHERE one.written @@ {query}.written OR one.forms @@ {query}.forms OFFSET 0
"""
"""The offset keeps PostgreSQL from comparing every text with every query, instead of asking the index for each."""

_HOLDING = """
SELECT term, rowid AS id
FROM jsonb_to_recordset(CAST(:terms AS JSONB)) AS wanted(term TEXT, written TSQUERY, forms TSQUERY)
    CROSS JOIN LATERAL ({matching}) AS found
"""


def create_table(connection: Connection, name: str) -> None:
    """Create a table of texts."""
    for statement in _CREATE.format(name=name).split(";"):
        connection.execute(text(statement))


def create_vocabulary(connection: Connection, vocabulary: str) -> None:
    """Create a table of the words of texts that are not stemmed, with the number of texts that have them."""
    connection.execute(text(f'CREATE TABLE {vocabulary} (term TEXT COLLATE "C" PRIMARY KEY, texts INTEGER NOT NULL)'))


def drop_table(connection: Connection, name: str) -> None:
    """Delete a table of texts."""
    connection.execute(text(f"DROP TABLE {name}, {name}_size"))


def put_texts(connection: Connection, name: str, texts: Mapping[int, Tokens], vocabulary: str = "") -> None:
    """Write {rowid: tokens}, instead of the tokens that these texts had. `vocabulary`: the table of their words."""
    delete_texts(connection, name, texts, vocabulary)
    split = {rowid: {field: _split(tokens) for field, tokens in fields.items()} for rowid, fields in texts.items()}
    rows = [
        {
            "rowid": rowid,
            "size": sum(map(len, tokens.values())),
            "written": _vector((label, tokens.get(field, ())) for field, label in FIELDS.items()),
            "forms": _vector([("", tokens.get(FORMS, ()))]),
        }
        for rowid, tokens in split.items()
    ]
    if not rows:
        return
    connection.execute(text(_PUT.format(name=name)), {"rows": json.dumps(rows)})
    if vocabulary:
        known = Counter(token for tokens in split.values() for token in set(tokens.get(FORMS, ())))
        words = {token: texts for token, texts in known.items() if token.startswith(SURFACE)}
        connection.execute(text(_ADD_TERMS.format(vocabulary=vocabulary)), {"terms": json.dumps(words)})


def delete_texts(connection: Connection, name: str, ids: Iterable[int], vocabulary: str = "") -> None:
    """Delete the tokens of these texts."""
    lost = _LOST.format(vocabulary=vocabulary, surface=SURFACE) if vocabulary else ""
    statement = _GONE.format(name=name) + lost + _COUNT_GONE.format(name=name)
    connection.execute(text(statement), {"ids": json.dumps(list(ids))})


def _vector(fields: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return a tsvector of tokens, as PostgreSQL reads one."""
    places: dict[str, list[str]] = {}
    start = 1
    for label, tokens in fields:
        for place, token in enumerate(tokens, start):
            places.setdefault(token, []).append(f"{min(place, _MAX_POSITION)}{label}")
        start += len(tokens) + 1  # neighbors of two fields are not a phrase
    return " ".join(f"{_quote(token)}:{','.join(found)}" for token, found in places.items())


def _split(tokens: Iterable[str]) -> list[str]:
    """Return tokens as they are indexed. FTS5 splits those of codes at a backslash."""
    return [part[:_MAX_TOKEN] for token in tokens for part in token.split("\\") if part]


def _quote(token: str) -> str:
    return "'" + token.replace("'", "''") + "'"


def ranking_values(terms: Iterable[Term], weights: Mapping[str, float]) -> dict[str, object]:
    """Return what to bind to `ranked_texts`: the phrases of the terms, and the weights of the fields."""
    phrases: list[tuple[str | None, str | None]] = []
    for term in terms:
        phrases += _phrases_of(term)
        if term.surface:
            phrases.append((None, _phrase([term.surface])))
    listed = [{"number": number, "written": one, "forms": forms} for number, (one, forms) in enumerate(phrases)]
    halves = [weights[field] / _HALF for field in reversed(FIELDS)]  # PostgreSQL's order is from D to A
    return {"phrases": json.dumps(listed), "weights": halves, "forms_weight": weights[FORMS]}


def holding_values(terms: Iterable[Term]) -> dict[str, object]:
    """Return what to bind to `texts_with`."""
    wanted = []
    for term in terms:
        phrases = _phrases_of(term)
        written = " | ".join(phrase for phrase, _ in phrases)
        forms = " | ".join(phrase for _, phrase in phrases if phrase)
        wanted.append({"term": term.text, "written": written or None, "forms": forms or None})
    return {"terms": json.dumps(wanted)}


def _phrases_of(term: Term) -> list[tuple[str, str | None]]:
    """Return the queries of a term, of which a text with the term matches one: for words as written, and for forms."""
    anywhere = [(_phrase(phrase), _phrase(phrase)) for phrase in term.anywhere]
    written = [(_phrase(phrase), None) for phrase in term.as_written]
    return [*anywhere, *written, *((f"{_phrase([prefix])}:*", None) for prefix in term.prefixes)]


def _phrase(tokens: Sequence[str]) -> str:
    return " <-> ".join(map(_quote, _split(tokens)))


@cache
def ranked_texts(name: str) -> Subquery:
    """Return (id, score) of all texts that have some of the phrases of `ranking_values`."""
    matching = _MATCHING.format(name=name, query="phrase")
    statement = _RANKED.format(name=name, half=_HALF, matching=matching)
    return text(statement).columns(id=Integer, score=Float).subquery("ranked")


@cache
def texts_with(name: str) -> Subquery:
    """Return (term, id) of all texts that have some of the terms of `holding_values`."""
    statement = _HOLDING.format(matching=_MATCHING.format(name=name, query="wanted"))
    return text(statement).columns(term=String, id=Integer).subquery("found")
