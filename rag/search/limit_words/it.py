"""The words of limits in Italian."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "file, allegato, allegati, documento, documenti",
        "pdf": "file pdf, documento pdf, documenti pdf",
        "image": "schermata, schermate",
        "picture": "immagine, immagini, foto",
        "document": "documento word, documenti word, file word",
        "slides": "diapositive, slide, presentazione, presentazioni, powerpoint",
        "spreadsheet": "foglio di calcolo, fogli di calcolo, file excel",
        "text": "file di testo",
        "link": "link, collegamento, collegamenti",
    },
    shared="condiviso, condivisa, condivisi, condivise, pubblicato, pubblicata, pubblicati, pubblicate, caricato, "
    "caricata, caricati, caricate, postato, postata, postati",
    sent="inviato, inviata, inviati, inviate, mandato, mandati",
    by="da, dal",
    genitive="di",
    at="in, nel, nella, il, su, durante, negli, nelle, gli, le",
    here="qui, qua",
    this_channel="in questo canale, in questa conversazione",
    since="da, dal, dalla",
    before="prima di, prima del",
    after="dopo, dopo il",
    me="io",
    me_after_by="me",
    linking="il, lo, la, i, gli, le, un, una, che, ha, ho, hanno, è stato, è stata, sono stati, sono state, stato, "
    "stati, state, e, o, tutti, tutte, nuovi",
    asking="cosa, che cosa, quali, quale, mostra, mostrami, elenca, trova, dammi",
    empty="è, sono, dice, ci, per favore, mi, chi",
    counting="quanti, quante",
    periods={
        "today": "oggi",
        "yesterday": "ieri",
        "day_before": "l'altro ieri, l’altro ieri",
        "this_week": "questa settimana",
        "last_week": "la settimana scorsa, settimana scorsa, la scorsa settimana, scorsa settimana",
        "this_month": "questo mese",
        "last_month": "il mese scorso, lo scorso mese, mese scorso",
        "this_year": "quest'anno, quest’anno",
        "last_year": "l'anno scorso, l’anno scorso, lo scorso anno",
    },
    weekdays="lunedì, martedì, mercoledì, giovedì, venerdì, sabato, domenica",
    months="gennaio, febbraio, marzo, aprile, maggio, giugno, luglio, agosto, settembre, ottobre, novembre, dicembre",
    weekday_phrases="0 scorso, scorso 0",
    recent={
        "hour": "ultime 0 ore",
        "day": "ultimi 0 giorni",
        "week": "ultime 0 settimane",
        "month": "ultimi 0 mesi",
    },
    ago={"day": "0 giorni fa, 0 giorno fa", "week": "0 settimane fa, 0 settimana fa", "month": "0 mesi fa"},
    date_joiners="",
)
