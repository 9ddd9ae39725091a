"""A translator with given translations, and a text embedder that knows some words of two languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.errors import MagpieError
from rag.ports import Vector
from tests.support.embedder import FakeTextEmbedder

GERMAN = {
    "crane": "kran", "lifts": "hebt", "lift": "hebt", "tons": "tonnen", "harbor": "hafen", "holiday": "urlaub",
    "days": "tage", "roof": "dach", "leaks": "undicht",
}  # fmt: skip


@dataclass
class FakeTranslator:
    """Satisfies ports.Translator. `breaks` is raised while it is set. `asked` records (question, languages)."""

    texts: Mapping[str, str]
    breaks: MagpieError | None = None
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    identity: str = "fake"

    def translate(self, question: str, languages: Sequence[str]) -> Mapping[str, str]:
        self.asked.append((question, tuple(languages)))
        if self.breaks is not None:
            raise self.breaks
        return {language: self.texts[language] for language in languages if language in self.texts}


class BilingualEmbedder(FakeTextEmbedder):
    """A FakeTextEmbedder for which the words of GERMAN are equal in both languages."""

    def __init__(self) -> None:
        super().__init__("bilingual-1")

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        plain = [[word.strip(".,?!").lower() for word in text.split()] for text in texts]
        return [self.of_words([GERMAN.get(word, word) for word in words]) for words in plain]
