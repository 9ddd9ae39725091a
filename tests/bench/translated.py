"""Measure the search across languages with given translations in the place of a model's.

    python -m tests.bench.translated DATA QUESTIONS TRANSLATIONS [--json OUT]

DATA is a data folder with the indexed documents. QUESTIONS is a question file of `magpie eval`; TRANSLATIONS is a JSON
object of {id: {"to": language, "query": text}}. It shows what the search makes of good translations, and nothing about
how good a model's are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rag import Settings, open_rag
from rag.evaluation.datasets import read_questions
from rag.evaluation.evaluate import QuestionResult, evaluate_search
from rag.evaluation.metrics import recall_at


class GivenTranslations:
    """Implements ports.Translator with translations by question."""

    identity = "given"

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        """`texts`: {question: {language: translation}}."""
        self._texts = texts

    def translate(self, question: str, languages: Sequence[str]) -> Mapping[str, str]:
        known = self._texts.get(" ".join(question.split()), {})
        return {language: text for language, text in known.items() if language in languages}


def read_translations(questions: Path, translations: Path) -> GivenTranslations:
    """Return the translations of a question file's questions."""
    rows = json.loads(translations.read_text(encoding="utf-8"))
    texts = {row.id: " ".join(row.query.split()) for row in read_questions(questions)}
    return GivenTranslations({texts[id]: {row["to"]: row["query"]} for id, row in rows.items() if id in texts})


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("translations", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    settings = Settings.model_validate({"data": given.data, "answer": {"model": ""}})
    translator = read_translations(given.questions, given.translations)
    ids = set(json.loads(given.translations.read_text(encoding="utf-8")))
    for name, used in (("as asked", None), ("with translations", translator)):
        with open_rag(settings, translator=used) as rag:
            results = evaluate_search(rag, given.questions).results
        groups = {
            "across languages": [result for result in results if result.question.id in ids],
            "same language": [result for result in results if result.gold and result.question.id not in ids],
        }
        say(name)
        for group, members in groups.items():
            say(f"  {group}: {_figures(members)}")
        absent = [result for result in results if not result.gold]
        say(f"  without an answer: {sum(result.declined for result in absent)} of {len(absent)} declined")
        if given.json is not None and used is not None:
            given.json.write_text(json.dumps({r.question.id: r.ranked[:5] for r in results}, ensure_ascii=False))
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _figures(results: Sequence[QuestionResult]) -> str:
    counts = {k: sum(recall_at(result.ranked, result.gold, k) > 0 for result in results) for k in (1, 5, 10)}
    found = ", ".join(f"{count} in the first {k}" for k, count in counts.items())
    return f"{len(results)} questions: {found}; {sum(result.declined for result in results)} declined"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
