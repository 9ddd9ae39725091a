"""Whether a clause denies what it says, in several languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_WORDS = {
    "en": "not no never nobody none nothing neither nor cannot forbidden prohibited unless except",
    "de": "nicht kein keine keinen keinem keiner keines nie niemals niemand niemandem niemanden nichts weder entfällt"
    " verboten untersagt außer ausgenommen",
    "fr": "ne n pas jamais aucun aucune rien personne ni interdit interdite interdits interdites sauf excepté hormis",
    "es": "no nunca ningún ninguno ninguna nada nadie tampoco ni jamás prohibido prohibida excepto salvo",
    "it": "non mai nessun nessuno nessuna niente nulla né vietato vietata eccetto tranne salvo",
    "pt": "não nunca nenhum nenhuma nada ninguém nem proibido proibida exceto salvo",
    "nl": "niet geen nooit niemand niets noch verboden",
    "sv": "inte ej aldrig ingen inget inga",
    "da": "ikke aldrig ingen intet",
    "pl": "nie nigdy nikt nic żaden żadna żadne ani",
    "cs": "ne není nejsou nikdy nikdo nic žádný žádná žádné",
    "ru": "не нет нельзя никогда никто ничего ни никакой запрещено запрещён запрещена кроме",
    "uk": "не немає ніколи ніхто нічого ні заборонено",
    "tr": "değil yok hayır asla hiç",
    "ar": "لا لم لن ليس ليست غير",
    "ko": "안 못 없다 없는 않는다 않다 않습니다 없습니다",
    "vi": "không chưa chẳng",
    "id": "tidak bukan belum",
    "fi": "ei eivät en älä",
}
_WITHOUTS = {
    "en": "without", "de": "ohne", "fr": "sans", "es": "sin", "it": "senza", "pt": "sem", "nl": "zonder", "sv": "utan",
    "da": "uden", "pl": "bez", "cs": "bez", "ru": "без", "uk": "без", "ar": "بدون دون", "ko": "없이", "id": "tanpa",
    "fi": "ilman",
}  # fmt: skip

_ENDINGS = {
    "en": "excluding closed locked shut empty impossible unable unavailable unsupported lack lacks lacked missing "
    "absent excused refuse refuses refused reject rejects rejected decline declines declined exclude excludes excluded "
    "fail fails failed stop stops stopped end ends ended expire expires expired delete deletes deleted remove removes "
    "removed discard discards discarded lose loses lost prevent prevents prevented avoid avoids avoided fixed",
    "de": "ausgeschlossen geschlossen gesperrt unmöglich fehlt fehlen fehlte abwesend abgelehnt ablehnt "
    "verweigert verfällt verfallen endet enden gelöscht löscht entfernt entfällt leer verhindert vermeiden behoben",
    "fr": "fermé fermée fermés fermées impossible absent absente refusé refusée rejeté rejetée exclu "
    "supprimé supprimée supprimés expire cesse échoue perdu vide évite",
    "es": "cerrado cerrada cerrados cerradas imposible ausente rechazado rechazada excluido eliminado "
    "eliminada borrado borrada caduca termina falla perdido vacío evita",
    "it": "chiuso chiusa chiusi chiuse impossibile assente rifiutato respinto escluso eliminato "
    "rimosso scade termina fallisce perso vuoto evita",
    "pt": "fechado fechada impossível ausente recusado rejeitado excluído removido expira termina falha",
    "nl": "gesloten onmogelijk afwezig geweigerd afgewezen verwijderd vervalt eindigt mislukt leeg",
    "ru": "закрыт закрыта закрыто закрыты невозможно отсутствует отсутствуют отклонён отклонено удаляется удалён "
    "истекает прекращается потерян пуст",
}  # fmt: skip
"""Words that can say the same as a negation of another word: "closed" is "not open"."""

_CHANGE = re.compile(
    r"\b(?:no longer|not? (?:\w+ )?any ?more|nicht (?:mehr|länger)(?! als)|kein\w* \w+ mehr|ya no|non (?:\w+ )?più|"
    r"niet (?:meer|langer)|больше не|уже не|n(?:e |['’])\w+ plus)\b",
    re.IGNORECASE,
)
"""Something was so and has ended: "it is so" and "it is not so" both agree with that."""


def _by_word(listed: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    """Return the languages of each word."""
    words = {word for words in listed.values() for word in words.split()}
    return {word: frozenset(one for one, words in listed.items() if word in words.split()) for word in words}


_BY_WORD, _WITHOUT, _ENDING = _by_word(_WORDS), _by_word(_WITHOUTS), _by_word(_ENDINGS)

_ADDS_UP = frozenset("en de nl sv da".split())
"""Languages in which two negations cancel out. In the others, several words make one negation."""

_NEUTRAL = re.compile(
    r"\b(?:not only|no (?:later|more|less|fewer|longer) than|not (?:later|more|less) than|not until|whether or not|"
    r"nicht nur|nicht (?:mehr|weniger|später|länger) als|non seulement|pas seulement|ne (?=\w+ que\b)|"
    r"no s[oó]lo|non solo|não só|не только|не (?:более|менее|больше|меньше|позднее|позже)|niet alleen)\b"
    r"|\bno\.(?=\s?\d)|(?:なければ|なくては|ないと)(?:なり|なら|いけ)(?:ません|ない)|だけでな|かまいません|構いません|かまわない|差し支えな|差し支えありません|不仅|不只|不但|不得不|不少于|不超过|不同|不断|无论|非常|未来|除非",
    re.IGNORECASE,
)
_JAPANESE = re.compile(
    r"ません|ない(?!で|と)|ないで|なかった|なく(?!て)|なくて|なし|ず(?=に|、|。|$)|不可|禁止|厳禁|無効|未(?=[一-鿿])"
)
_CHINESE = re.compile(r"不|没|沒|无(?!论)|無|非(?!常)|未(?!来)|禁止|勿|别|莫")
_KANA = re.compile("[\u3041-\u30ff]")
_SPACELESS_WITHOUT = re.compile("なしで|なしに|抜きで|没有|沒有")
_HAN = re.compile("[\u4e00-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")


_ANSWERS = frozenset("no nein non nee não нет nie ne nej nei hayır tidak không ні".split())
"""An answer before a sentence that says the same again: "No, it does not start." has one negation."""


class Polarity(NamedTuple):
    """Whether a clause has a negation, and whether that still holds with the words for "without" counted, too."""

    denies: bool
    odd: bool
    ends: bool = False
    """Whether it has a word that can say the same as a negation of another word."""
    changes: bool = False
    """Whether it says that something has ended."""

    def contradicts(self, other: Polarity) -> bool:
        """Return whether this statement and a clause that is alike otherwise cannot both be true.

        "It is not open" agrees with "it is closed", and "it is no longer kept" with "it is kept for a week".
        """
        denying, affirming = (self, other) if self.denies else (other, self)
        if self.changes or (affirming.ends and not denying.ends):
            return False
        return self.denies != other.denies and self.odd != other.odd


def polarity(clause: str, language: str) -> Polarity:
    """Return the polarity of a clause; `language` is that of its text. Two negations are none in English."""
    if clause.strip().casefold() in _ANSWERS:
        return Polarity(denies=False, odd=False)
    clause = _NEUTRAL.sub(" ", clause)
    if _HAN.search(clause) or _KANA.search(clause):
        pattern = _JAPANESE if language == "ja" or _KANA.search(clause) else _CHINESE
        denies = len(pattern.findall(clause)) % 2 == 1
        return Polarity(denies, denies != (len(_SPACELESS_WITHOUT.findall(clause)) % 2 == 1))
    count, without = 0, 0
    ends, changes = False, _CHANGE.search(clause) is not None
    for match in _WORD.finditer(clause.casefold()):
        word = match[0].replace("’", "'")
        if (language == "en" and word.endswith("n't")) or (language == "fr" and word.startswith("n'")):
            count += 1
        elif language in _WITHOUT.get(word, ()):
            without += 1
        elif language in _BY_WORD.get(word, ()):
            count += 1
        ends = ends or language in _ENDING.get(word, ())
    denies = count % 2 == 1 if language in _ADDS_UP else count > 0
    return Polarity(denies, denies != (without % 2 == 1), ends, changes)


def is_negator(word: str, language: str) -> bool:
    """Return whether a word in lower case is a negation, or means "without"."""
    return language in _BY_WORD.get(word, ()) or language in _WITHOUT.get(word, ())


def knows_negations(language: str) -> bool:
    """Return whether negations of this language are recognized."""
    return language in _WORDS or language in ("ja", "zh")
