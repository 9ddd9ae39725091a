"""The words of limits in German."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "datei, dateien, anhang, anhänge, anhängen, dokument, dokumente, dokumenten",
        "pdf": "pdf datei, pdf dateien, pdf-datei, pdf-dateien",
        "image": "bildschirmfoto, bildschirmfotos",
        "picture": "bild, bilder, bildern, foto, fotos",
        "document": "word dokument, word dokumente, word-dokument, word-dokumente, word-datei, word-dateien",
        "slides": "folien, präsentation, präsentationen, powerpoint",
        "spreadsheet": "excel-datei, excel-dateien, excel-tabelle, excel-tabellen",
        "text": "textdatei, textdateien",
        "link": "link, links",
    },
    shared="geteilt, gepostet, hochgeladen, geteilte, geteilten, gepostete, geposteten, hochgeladene, hochgeladenen",
    sent="geschickt, gesendet, verschickt",
    auxiliaries="wurde, wurden, hat, habe, haben, ist, sind, worden, worden sind, worden ist",
    by="von, vom",
    genitive="von",
    at="in, im, am, an",
    here="hier",
    this_channel="in diesem kanal, in diesem channel, in diesem thread",
    since="seit, ab",
    before="vor, bis",
    after="nach",
    me="ich",
    me_after_by="mir",
    linking="der, die, das, den, dem, ein, eine, einen, und, oder, alle, neue, neuen, neueste, neuesten",
    asking="was, welche, welches, welcher, welchen, zeig, zeige, zeig mir, zeige mir, liste, finde, gib mir",
    empty="steht, bitte, es, uns, gibt, wer",
    counting="viele, wieviele",
    periods={
        "today": "heute",
        "yesterday": "gestern",
        "day_before": "vorgestern",
        "this_week": "diese woche, dieser woche",
        "last_week": "letzte woche, letzter woche, der letzten woche, vorige woche, voriger woche",
        "this_month": "diesen monat, diesem monat",
        "last_month": "letzten monat, letztem monat, vorigen monat",
        "this_year": "dieses jahr, diesem jahr",
        "last_year": "letztes jahr, letztem jahr, voriges jahr",
    },
    weekdays="montag, dienstag, mittwoch, donnerstag, freitag, samstag/sonnabend, sonntag",
    months="januar/jänner, februar, märz, april, mai, juni, juli, august, september, oktober, november, dezember",
    weekday_phrases="letzten 0, letztem 0, diesen 0",
    recent={
        "hour": "den letzten 0 stunden",
        "day": "den letzten 0 tagen, der letzten 0 tage, letzten 0 tagen, letzten 0 tage",
        "week": "den letzten 0 wochen, der letzten 0 wochen, letzten 0 wochen",
        "month": "den letzten 0 monaten, der letzten 0 monate, letzten 0 monaten",
    },
    ago={"day": "vor 0 tagen, vor 0 tag", "week": "vor 0 wochen", "month": "vor 0 monaten"},
    date_joiners=".",
)
