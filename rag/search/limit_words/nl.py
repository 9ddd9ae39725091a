"""The words of limits in Dutch."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "bestand, bestanden, bijlage, bijlagen, document, documenten",
        "pdf": "pdf bestand, pdf bestanden, pdf-bestand, pdf-bestanden, pdf's, pdf’s",
        "image": "schermafbeelding, schermafbeeldingen, schermafdruk, schermafdrukken",
        "picture": "afbeelding, afbeeldingen, foto, foto's, foto’s, plaatje, plaatjes",
        "document": "word-document, word-documenten, word document, word documenten, word-bestand",
        "slides": "dia's, dia’s, slides, presentatie, presentaties, powerpoint",
        "spreadsheet": "spreadsheet, spreadsheets, rekenblad, excel-bestand, excel-bestanden",
        "text": "tekstbestand, tekstbestanden",
        "link": "link, links, koppeling",
    },
    shared="gedeeld, gedeelde, geplaatst, geplaatste, gepost, geposte, geüpload, geüploade",
    sent="gestuurd, verstuurd, verzonden, gestuurde",
    auxiliaries="werd, werden, is, zijn, heeft, heb, hebben",
    by="door, van",
    genitive="van",
    at="in, op, naar, de, afgelopen",
    here="hier",
    this_channel="in dit kanaal, in dit gesprek",
    since="sinds, vanaf",
    before="voor, vóór",
    after="na",
    me="ik",
    me_after_by="mij",
    linking="de, het, een, die, dat, en, of, alle, nieuwe",
    asking="wat, welke, welk, toon, laat zien, geef, geef me, zoek, lijst",
    empty="staat, er, alstublieft, me, wie",
    counting="hoeveel",
    periods={
        "today": "vandaag",
        "yesterday": "gisteren",
        "day_before": "eergisteren",
        "this_week": "deze week",
        "last_week": "vorige week, afgelopen week",
        "this_month": "deze maand",
        "last_month": "vorige maand, afgelopen maand",
        "this_year": "dit jaar",
        "last_year": "vorig jaar, afgelopen jaar",
    },
    weekdays="maandag, dinsdag, woensdag, donderdag, vrijdag, zaterdag, zondag",
    months="januari, februari, maart, april, mei, juni, juli, augustus, september, oktober, november, december",
    weekday_phrases="afgelopen 0, vorige 0",
    recent={
        "hour": "afgelopen 0 uur, laatste 0 uur",
        "day": "afgelopen 0 dagen, laatste 0 dagen",
        "week": "afgelopen 0 weken, laatste 0 weken",
        "month": "afgelopen 0 maanden, laatste 0 maanden",
    },
    ago={"day": "0 dagen geleden, 0 dag geleden", "week": "0 weken geleden", "month": "0 maanden geleden"},
    date_joiners="",
)
