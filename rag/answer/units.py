"""Units behind numbers, and currencies before them, in one form for their spellings in several languages."""

from __future__ import annotations

import re

_SIGNS = (
    "kg кг 千克 公斤", "g г 克", "mg мг", "t т", "km км 公里", "m м", "cm см 厘米", "mm мм 毫米", "ha га", "l л",
    "ml мл 毫升", "kW кВт", "W Вт", "V В", "A", "Hz", "kHz", "MHz", "GHz", "kB KB", "MB", "GB", "TB", "Pa", "bar", "N",
    "J", "kWh", "Wh", "°C", "°F", "h ч", "min мин", "s", "ms мс", "% 百分", "€ EUR", "$ USD US$", "£ GBP",
    "₽ RUB руб", "円 JPY", "元 CNY RMB", "CHF", "px",
)  # fmt: skip
"""Signs, whose case matters."""

_WORDS = {
    "kg": "kilogram kilograms kilo kilos kilogramm kilogrammes kilogramos килограмм килограмма килограммов"
    " キロ キログラム",
    "g": "gram grams gramme grammes gramm gramos грамм грамма граммов グラム",
    "t": "ton tons tonne tonnes tonnen tonelada toneladas тонн тонны トン 吨",
    "km": "kilometre kilometres kilometer kilometers kilometern kilomètre kilomètres kilómetro kilómetros километр"
    " километра километров キロメートル",
    "m": "metre metres meter meters metern mètre mètres metro metros metri метр метра метров メートル 米",
    "cm": "centimetre centimetres centimeter centimeters zentimeter centimètres centímetros сантиметров センチ",
    "mm": "millimetre millimetres millimeter millimeters millimètres milímetros миллиметров ミリ",
    "ha": "hectare hectares hektar hectáreas гектаров гектара ヘクタール 公顷",
    "l": "litre litres liter liters litern litro litros литр литра литров リットル 升",
    "W": "watt watts ватт ワット 瓦",
    "kW": "kilowatt kilowatts киловатт キロワット 千瓦",
    "V": "volt volts вольт ボルト 伏",
    "MB": "megabyte megabytes мегабайт メガバイト",
    "GB": "gigabyte gigabytes гигабайт ギガバイト",
    "h": "hour hours stunde stunden heure heures hora horas ore ora час часа часов 時間 小时",
    "min": "minute minutes minuten minuto minutos minuti минута минуты минуту минут 分 分間 分钟",
    "s": "second seconds sec secs sekunde sekunden seconde secondes segundo segundos secondi секунда секунды секунд"
    " 秒 秒間 秒钟",
    "d": "day days tag tage tagen jour jours día días giorno giorni день дня дней 日間 天",
    "week": "week weeks woche wochen semaine semaines semana semanas settimana settimane неделя недели недель"
    " 週間 周 星期",
    "month": "month months monat monate monaten mois mes meses mese mesi месяц месяца месяцев か月 ヶ月 个月",
    "year": "year years jahr jahre jahren an ans année années año años anno anni год года лет 年間 年",
    "%": "percent prozent percento процент процента процентов パーセント",
    "€": "euro euros евро ユーロ 欧元",
    "$": "dollar dollars dólares доллар доллара долларов ドル 美元",
    "£": "pounds",
    "₽": "рубль рубля рублей",
    "°C": "摄氏度",
    "px": "pixel pixels",
    "page": "page pages seite seiten página páginas страница страницы страниц ページ 页",
    "volume": "冊 册 本",
    "person": "person persons people personen personnes personas человек 人",
}
_UNIT = {sign: signs.split()[0] for signs in _SIGNS for sign in signs.split()}
_UNIT |= {word: unit for unit, words in _WORDS.items() for word in words.split()}
_SPACELESS = sorted((unit for unit in _UNIT if re.match(r"[\u3040-\u9fff]", unit)), key=len, reverse=True)
_SPACELESS_UNIT = re.compile("|".join(map(re.escape, _SPACELESS)))

_AFTER = re.compile(
    r"[ -]?(?P<unit>[%€$£₽]|°\x20?[CF]|[^\W\d_]{1,16}(?:/[^\W\d_]{1,4})?)(?:[²³23](?!\w)|\x20?[Pp]\.?[Aa]\.)?"
)
_BEFORE = re.compile(r"([€$£₽])\x20?$|\b(EUR|USD|GBP|CHF)\x20$")
_LONGEST_BEFORE = 12
_LABELS = {
    "page": "p pp page pages s seite página pág pagina стр",
    "part": "chapter section kapitel abschnitt chapitre sección capítulo capitolo sezione §",
    "figure": "fig figure abb abbildung figura рис",
    "table": "table tab tabelle tableau tabla tabella табл",
    "version": "version v versión версия",
}
_LABEL = {word: label for label, words in _LABELS.items() for word in words.split()}
_LABEL_BEFORE = re.compile(r"(?<!\w)([^\W\d_]{1,10}|§)\.?\x20?$")


def unit_of(text: str, start: int, end: int) -> str:
    """Return the unit of the number at `start` to `end` of a normalized text, or an empty string if it has none.

    Of a label such as "p. 12" it is its kind, so that the number of a page is not compared with a quantity.
    """
    head = text[max(0, start - _LONGEST_BEFORE) : start]
    if before := _BEFORE.search(head):
        return _UNIT[before[1] or before[2]]
    if (label := _LABEL_BEFORE.search(head)) and label[1].casefold() in _LABEL:
        return _LABEL[label[1].casefold()]
    after = _AFTER.match(text, end)
    if after is None:
        return ""
    unit = after["unit"].replace(" ", "")
    if spaceless := _SPACELESS_UNIT.match(text, after.start("unit")):
        return _UNIT[spaceless[0]]
    if "/" in unit:
        return unit if all(part in _UNIT for part in unit.split("/")) else _UNIT.get(unit.split("/")[0].casefold(), "")
    return _UNIT.get(unit) or _UNIT.get(unit.casefold(), "")
