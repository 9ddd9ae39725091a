"""What is wrong with a model's reply apart from its statements: loops, copied instructions, thoughts, refusals, and
another language than the question's.

A weak model goes on after its answer: it repeats itself, or writes the next turn of the conversation. Such a reply is
cut where that begins, and its generation ends there.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from rag.analysis.languages import detect_language, question_language
from rag.analysis.stop_words import is_stop_word, languages_with_stop_words
from rag.answer import messages
from rag.answer.citations import NOT_FOUND
from rag.answer.prompt import INSTRUCTIONS
from rag.ports import Prompt
from rag.search.language_names import language_name
from rag.text import fold, split_words

_FENCE = re.compile(r"<passage N (\w+)>")
_NEW_TURN = re.compile(
    r"<\|\w|\|>|<(?:start|end)_of_turn>|</?s>|\[/?INST\]|<<SYS>>"
    r"|(?:^|\n)[ \t]*(?:#{1,4}[ \t]*)?(?:user|human|assistant|system|question|instructions?)[ \t]*:(?=[ \t\n])",
    re.IGNORECASE,
)
_LONGEST_TURN = 48
"""Characters before a piece in which a mark of a new turn may have begun."""

_MAX_PERIOD, _MIN_LOOP, _COPIES = 200, 24, 3
"""A text of up to 200 characters that stands three times in a row is a loop, if that are 24 characters or more."""

_LETTERS = 8
"""Letters by which a place of the text is recognized."""

_STEP = 16
"""Characters after which a long piece is looked at again."""

_END = re.compile(r"[.!?。！？\n]")
MIN_REPEATED = 12
"""Letters of a sentence that is not repeated for a reason, as a cell of a table may be."""

_THINK = re.compile(
    r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)|\A(?:(?!<think).)*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE
)

_THOUGHT_BEGIN = re.compile("<think(?:ing)?>", re.IGNORECASE)
_THOUGHT_END = re.compile("</think(?:ing)?>", re.IGNORECASE)
_LONGEST_TAG = len("</thinking>")

_REFUSALS = (
    r"(?:i['’]?m|i am|we are) (?:so |very |really )?(?:sorry|afraid|unable)\b|sorry\b|as an? (?:ai|language model)\b",
    r"i (?:can ?not|can['’]t|could not|couldn['’]t|am not able to|do not|don['’]t) "
    r"(?:answer|help|assist|provide|find|have|see|know)\b",
    r"unfortunately,? (?:i|the passages?)\b|there is no (?:information|mention)\b",
    r"the (?:provided |given )?(?:passages?|text|documents?|context) (?:does|do) not\b",
    r"es tut mir leid|leider (?:kann ich|enthalten die|enthält der|finde ich|geben die)",
    r"ich kann (?:diese|die|das|ihnen|dir) ",
    r"als (?:ki|sprachmodell)\b",
    r"(?:je suis )?désolé|je ne peux pas|lo siento|no puedo (?:responder|ayudar)|mi dispiace|non posso",
    r"sinto muito|não posso|к сожалению|извините|я не могу|申し訳|すみません|抱歉|对不起|很遗憾|我无法|我不能",
)
_REFUSAL = re.compile(rf"\W{{0,8}}(?:{'|'.join(_REFUSALS)})", re.IGNORECASE)

_THOUGHTS = (
    r"(?:okay|ok|alright|hmm|wait|so),? (?:so |let|the user|i (?:need|should|have)|we need|first)\b",
    r"let me (?:think|see|look|check|start|read)\b|let['’]s (?:think|see|look|analy[sz]e|break)\b",
    r"the user (?:asks|is asking|wants|asked)\b|(?:first|now|next),? (?:i|we) (?:need|should|must|have|will)\b",
    r"(?:i|we) (?:need|have|should|must) to (?:answer|find|look|check|cite|read)\b",
    r"(?:the )?passages? \d+ (?:says?|mentions?|states?|describes?|contains?|(?:is|are) (?:not )?about)\b",
    r"the passage (?:that|which) (?:starts|says|mentions|is (?:cited|mentioned))\b",
    r"the (?:passage|answer) is (?:not )?(?:about|an? answer)\b|the passage (?:says|mentions)\b",
    r"(?:the )?answer is ?:?\W*\Z|(?:the )?passage is ?:",
    r"[^.!?:\n]{1,200}\b(?:is|are|was|were|of|the)\s?\.\Z",
    r"(?:thought|thinking|reasoning|analysis|chain of thought)s? ?:",
    r"der (?:nutzer|benutzer) (?:fragt|möchte|will)\b|ich (?:muss|sollte) (?:zuerst|nun|jetzt)\b",
    r"(?:sources?|references?|citations?|quellen?|fuentes?|fonti?|источники?|出典|来源) ?[:：]",
    r"(?:heading|caption|posted with|pictures|question|passage \d+) ?:|file ?: .{1,200}\bp\. ?\d",
)
_THOUGHT = re.compile(rf"\W{{0,8}}(?:{'|'.join(_THOUGHTS)})", re.IGNORECASE)
"""Thoughts, lists of sources, and the lines above a passage in the prompt."""

_GRAM, _COPIED = 4, 0.5
"""Words in a row, and the share of a sentence's that are in the instructions, by which it is a copy of them."""

_SHARED_SIGNS = {"ja", "zh"}
"""Languages in which a short question can look the same."""

_MIN_STOP_WORDS = 3
"""Stop words by which a reply is in another language than the question."""


class ReplyWatch:
    """Reads a reply while it is written, and says when no more of it is needed.

    `head` is how it begins. `looped` and `copied`: the reply was cut where it repeated itself, or began to copy the
    prompt or to write another turn.
    """

    def __init__(self, prompt: Prompt) -> None:
        fence = _FENCE.search(prompt.system)
        self._fence = fence[1] if fence else ""
        self._parts: list[str] = []
        self._length = 0
        self.head = ""
        self._tail = ""
        self._letters, self._last_seen = "", dict[str, int]()
        self._period, self._repeated = 0, 0
        self._sentence = ""
        self._seen: Counter[str] = Counter()
        self._end: int | None = None
        self.looped = False
        self.copied = False

    def text(self) -> str:
        """Return the reply, up to where it stops being an answer."""
        return "".join(self._parts)[: self._end]

    def add(self, piece: str) -> bool:
        """Add a piece of the reply. Return whether its outcome is decided, so that generation can end."""
        for start in range(0, len(piece), _STEP):
            part = piece[start : start + _STEP]
            self._parts.append(part)
            self._length += len(part)
            self._tail = (self._tail + part)[-_COPIES * _MAX_PERIOD :]
            self.head = (self.head + part).lstrip()[:_STEP] if len(self.head) < _STEP else self.head
            if self._has_new_turn() or self._has_loop(part) or self._has_sentence(part) or self._says_not_found():
                return True
        return False

    def _says_not_found(self) -> bool:
        return self.head.startswith(NOT_FOUND)

    def _cut(self, at: int) -> None:
        """Cut the reply at an index of its tail."""
        self._end = self._length - len(self._tail) + at

    def _has_new_turn(self) -> bool:
        start = max(0, len(self._tail) - _STEP - _LONGEST_TURN)
        turn = _NEW_TURN.search(self._tail[start:])
        at = self._tail.find(self._fence, start) if self._fence else -1
        if turn is None and at < 0:
            return False
        self._cut(start + turn.start() if turn else max(0, *(self._tail.rfind(sign, 0, at) for sign in "\n<")))
        self.copied = True
        return True

    def _has_loop(self, part: str) -> bool:
        """Return whether the reply has three copies of a text in a row; cut it after the first.

        The last letters show how long ago they stood there before: if that distance stays, the text repeats itself.
        """
        for at, sign in enumerate(part, self._length - len(part)):
            self._letters = (self._letters + sign)[-_LETTERS:]
            period = at - self._last_seen.get(self._letters, -_MAX_PERIOD - 1)
            self._last_seen[self._letters] = at
            self._repeated = self._repeated + 1 if period == self._period else _LETTERS
            self._period = period
            length = self._repeated + period
            if period > _MAX_PERIOD or length < max(_COPIES * period, _MIN_LOOP):
                continue
            end = len(self._tail) - (self._length - at - 1)
            if any(map(str.isalnum, self._tail[max(0, end - period) : end])):
                self._end = at + 1 - self._repeated
                self.looped = True
                return True
        return False

    def _has_sentence(self, part: str) -> bool:
        """Return whether a sentence ended that came twice before, or that is the first and refuses to answer."""
        *ended, rest = _END.split(self._sentence + part)
        self._sentence = rest[-_MAX_PERIOD:]
        for sentence in ended:
            words = " ".join(split_words(sentence)).casefold()
            if not words:
                continue
            if not self._seen and is_refusal(sentence):
                return True
            self._seen[words] += 1
            self.looped = self.looped or (self._seen[words] >= _COPIES and len(words) >= MIN_REPEATED)
        return self.looped


def find_fault(text: str, watch: ReplyWatch, question: str, language: str = "") -> str:
    """Return what is wrong with a reply as a whole, in words for readers, or an empty string.

    `language`: the one it has to be in; empty: that of the question. All but another language matters only if nothing
    of the reply holds. `text` is the reply without thoughts.
    """
    sentences = [sentence for sentence in _END.split(text) if split_words(sentence)]
    if any(is_refusal(sentence) for sentence in sentences):
        return messages.REFUSED
    if is_other_language(question, text, language):
        return messages.OTHER_LANGUAGE
    if watch.copied or (sentences and all(is_copy_of_prompt(sentence, question) for sentence in sentences)):
        return messages.PROMPT_COPIED
    if any(is_thought(sentence) for sentence in sentences) or (not sentences and split_words(watch.text())):
        return messages.THINKING
    if not sentences:
        return messages.EMPTY
    return messages.REPEATED if watch.looped else ""


def without_thoughts(text: str) -> str:
    """Return a reply without what a model wrote between its tags for thinking."""
    begun = _THOUGHT_END.split(text, maxsplit=1)
    if len(begun) > 1 and "<think" not in begun[0].casefold():  # opened by the template
        text = begun[1]
    return _THINK.sub("", text)


class SpokenText:
    """Takes out of a reply, while it arrives, what a model writes between its tags for thinking."""

    def __init__(self) -> None:
        self._held = ""
        self._is_thinking = False

    def add(self, piece: str) -> str:
        """Return the text that is an answer as far as it is known. The beginning of a tag is held back."""
        self._held += piece
        spoken = ""
        while tag := (_THOUGHT_END if self._is_thinking else _THOUGHT_BEGIN).search(self._held):
            spoken += "" if self._is_thinking else self._held[: tag.start()]
            self._held = self._held[tag.end() :]
            self._is_thinking = not self._is_thinking
        at = self._held.rfind("<", -_LONGEST_TAG)
        at = len(self._held) if at < 0 else at
        spoken += "" if self._is_thinking else self._held[:at]
        self._held = self._held[at:]
        return spoken


def is_refusal(sentence: str) -> bool:
    """Return whether a sentence declines to answer."""
    return _REFUSAL.match(sentence) is not None


def is_thought(sentence: str) -> bool:
    """Return whether a sentence is about the task instead of the question."""
    return _THOUGHT.match(sentence) is not None


def is_copy_of_prompt(sentence: str, question: str) -> bool:
    """Return whether a sentence repeats the question, or is part of the instructions."""
    words = [fold(word) for word in split_words(sentence)]
    if words == [fold(word) for word in split_words(question)]:
        return True
    grams = _grams(words)
    return bool(grams) and sum(gram in _instruction_grams() for gram in grams) >= _COPIED * len(grams)


@cache
def _instruction_grams() -> frozenset[tuple[str, ...]]:
    return frozenset(_grams([fold(word) for word in split_words(INSTRUCTIONS)]))


def _grams(words: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*(words[start:] for start in range(_GRAM)), strict=False))


def is_other_language(question: str, reply: str, language: str = "") -> bool:
    """Return whether a reply is surely in another language than it has to be (empty: that of its question), and the
    question names none."""
    asked, written = language or _language(question), _language(reply)
    if not asked or not written or asked == written or {asked, written} == _SHARED_SIGNS:
        return False
    if language_name(written).casefold() in question.casefold():
        return False
    words = split_words(reply)
    own, other = (sum(is_stop_word(word, language) for word in words) for language in (asked, written))
    is_spaceless = detect_language(reply) in ("ja", "zh", "th", "ko")
    if language and language not in languages_with_stop_words():  # nothing tells it from its neighbors
        return is_spaceless
    return is_spaceless or (other >= _MIN_STOP_WORDS and own <= other / 2)


def _language(text: str) -> str:
    """Return the language of a text, or nothing if it has no words that show it."""
    language, is_sure = question_language(text, [word.lower() for word in split_words(text)], ())
    return detect_language(text) or (language if is_sure else "")
