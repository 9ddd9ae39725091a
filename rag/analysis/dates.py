"""Find dates and write each in one form: "5 March 2026", "05.03.2026" and "2026-03-05" are the same day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from rag.analysis.letters import fold

_MONTHS: tuple[str, ...] = (
    """january jan januar jänner janvier enero gennaio janeiro januari styczeń stycznia leden ledna tammikuu
    tammikuuta januára január ianuarie январь января січня січень ocak يناير جانفي ינואר जनवरी ιανουαρίου
    ιανουάριος""",
    """february feb februar feber février febrero febbraio fevereiro februari luty lutego únor února
    helmikuu helmikuuta február februarie февраль февраля лютий лютого şubat فبراير פברואר फरवरी φεβρουαρίου
    φεβρουάριος""",
    """march mar märz mrz mars marzo março maart marzec marca březen března maaliskuu maaliskuuta március
    martie март марта березень березня mart مارس מרץ मार्च μαρτίου μάρτιος""",
    """april apr avril abril aprile kwiecień kwietnia duben dubna huhtikuu huhtikuuta április aprilie апрель
    апреля квітень квітня nisan أبريل ابريل אפריל अप्रैल απριλίου απρίλιος""",
    """may mai mayo maggio maio mei maj maja květen května toukokuu toukokuuta május май мая травень травня
    mayıs مايو מאי मई μαΐου μάιος""",
    """june jun juni juin junio giugno junho czerwiec czerwca červen června kesäkuu kesäkuuta június iunie
    июнь июня червень червня haziran يونيو יוני जून ιουνίου ιούνιος""",
    """july jul juli juillet julio luglio julho lipiec lipca červenec července heinäkuu heinäkuuta július
    iulie июль июля липень липня temmuz يوليو יולי जुलाई ιουλίου ιούλιος""",
    """august aug août agosto augustus augusti sierpień sierpnia srpen srpna elokuu elokuuta augusztus
    август августа серпень серпня ağustos أغسطس اغسطس אוגוסט अगस्त αυγούστου αύγουστος""",
    """september sep sept septembre septiembre settembre setembro wrzesień września září syyskuu syyskuuta
    szeptember septembrie сентябрь сентября вересень вересня eylül سبتمبر ספטמבר सितंबर σεπτεμβρίου
    σεπτέμβριος""",
    """october oct oktober okt octobre octubre ottobre outubro październik października říjen října lokakuu
    lokakuuta október octombrie октябрь октября жовтень жовтня ekim أكتوبر اكتوبر אוקטובר अक्टूबर οκτωβρίου
    οκτώβριος""",
    """november nov novembre noviembre novembro listopad listopada listopadu marraskuu marraskuuta noiembrie
    ноябрь ноября листопада kasım نوفمبر נובמבר नवंबर νοεμβρίου νοέμβριος""",
    """december dec dezember dez décembre diciembre dicembre dezembro grudzień grudnia prosinec prosince
    joulukuu joulukuuta decembrie декабрь декабря грудень грудня aralık ديسمبر דצמבר दिसंबर δεκεμβρίου
    δεκέμβριος""",
)

_ISO = re.compile(r"(?<![\d-])(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d-])")
_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4})(?!\d|[./-]\d)")
_EAST_ASIAN = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월](?:\s?(\d{1,2})\s?[日일])?")
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|º|°|\.|-)?\s{0,2}(?:de\s|of\s)?([^\W\d_]{3,14})\.?,?\s(?:de\s|del\s)?(\d{4})(?!\d)"
)
_MONTH_FIRST = re.compile(r"(?<!\w)([^\W\d_]{3,14})\.?\s(\d{1,2})(?:st|nd|rd|th)?,?\s(\d{4})(?!\d)")
_MONTH = re.compile(r"(?<!\w)([^\W\d_]{3,14})\.?,?\s(?:de\s|del\s)?(\d{4})(?!\d)")


@cache
def _months() -> Mapping[str, int]:
    return {fold(word): number for number, words in enumerate(_MONTHS, 1) for word in words.split()}


def dates(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield (start, end, forms) of each date with a year in a normalized text.

    The forms are the day as "2026-03-05" and its month as "2026-03". "03/05/2026" can be read in two ways and has the
    forms of both.
    """
    months = _months()
    for match in _ISO.finditer(text):
        yield from _found(match, [(match[1], int(match[2]), int(match[3]))])
    for match in _NUMERIC.finditer(text):
        first, second, year = int(match[1]), int(match[3]), match[4]
        readings = [(year, second, first)]
        if match[2] != "." and first != second:
            readings.append((year, first, second))
        yield from _found(match, readings)
    for match in _EAST_ASIAN.finditer(text):
        yield from _found(match, [(match[1], int(match[2]), int(match[3] or 0))])
    for match in _DAY_FIRST.finditer(text):
        if month := months.get(fold(match[2])):
            yield from _found(match, [(match[3], month, int(match[1]))])
    for match in _MONTH_FIRST.finditer(text):
        if month := months.get(fold(match[1])):
            yield from _found(match, [(match[3], month, int(match[2]))])
    for match in _MONTH.finditer(text):
        if month := months.get(fold(match[1])):
            yield from _found(match, [(match[2], month, 0)])


def _found(match: re.Match[str], readings: list[tuple[str, int, int]]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield a match with the forms of its readings (year, month, day) that exist; a day of 0 is a month alone."""
    forms: list[str] = []
    for year, month, day in readings:
        if 1 <= month <= 12 and day <= 31:
            forms += [f"{year}-{month:02}-{day:02}"] if day else []
            forms.append(f"{year}-{month:02}")
    if forms:
        yield match.start(), match.end(), tuple(dict.fromkeys(forms))
