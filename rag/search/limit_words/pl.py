"""The words of limits in Polish."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "plik, pliki, pliku, plików, załącznik, załączniki, dokument, dokumenty, dokumentów",
        "pdf": "plik pdf, pliki pdf, pdf-y, pdf-a, pdf-ie",
        "image": "zrzut ekranu, zrzuty ekranu, zrzutów ekranu, screeny, screen",
        "picture": "obraz, obrazy, obrazek, obrazki, zdjęcie, zdjęcia, zdjęć",
        "document": "dokument word, dokumenty word, plik word",
        "slides": "slajdy, prezentacja, prezentację, prezentacje, prezentacji, powerpoint",
        "spreadsheet": "arkusz, arkusze, arkusz kalkulacyjny, arkusze kalkulacyjne",
        "text": "plik tekstowy, pliki tekstowe",
        "link": "link, linki",
    },
    shared="udostępnił, udostępniła, udostępnili, udostępniony, udostępniona, udostępnione, udostępniono, wrzucił, "
    "wrzuciła, wrzucony, wrzucone, wrzucono, opublikował, opublikowała, opublikowane",
    sent="wysłał, wysłała, wysłany, wysłane, wysłano, przesłał, przesłała, przesłane",
    i_shared="udostępniłem, udostępniłam, wrzuciłem, wrzuciłam, wysłałem, wysłałam",
    by="przez, od",
    at="w, we, na, do",
    here="tutaj, tu",
    this_channel="na tym kanale, w tym kanale, w tej rozmowie",
    since="od",
    before="przed",
    after="po",
    me="ja",
    me_after_by="mnie",
    linking="który, która, które, którą, został, została, zostały, i, oraz, lub, wszystkie, nowe, ostatnie",
    asking="co, jakie, które, jaki, pokaż, pokaż mi, znajdź, wypisz, podaj",
    empty="jest, są, mówi, proszę, mi, nam, kto",
    counting="ile",
    periods={
        "today": "dzisiaj, dziś",
        "yesterday": "wczoraj",
        "day_before": "przedwczoraj",
        "this_week": "w tym tygodniu, ten tydzień, tym tygodniu",
        "last_week": "w zeszłym tygodniu, zeszłym tygodniu, w ubiegłym tygodniu, zeszłego tygodnia",
        "this_month": "w tym miesiącu",
        "last_month": "w zeszłym miesiącu, zeszłym miesiącu",
        "this_year": "w tym roku",
        "last_year": "w zeszłym roku, zeszłym roku",
    },
    weekdays="poniedziałek/poniedziałku, wtorek/wtorku, środa/środę/środy, czwartek/czwartku, piątek/piątku, "
    "sobota/sobotę/soboty, niedziela/niedzielę/niedzieli",
    months="stycznia/styczniu, lutego/lutym, marca/marcu, kwietnia/kwietniu, maja/maju, czerwca/czerwcu, "
    "lipca/lipcu, sierpnia/sierpniu, września/wrześniu, października/październiku, listopada/listopadzie, "
    "grudnia/grudniu",
    weekday_phrases="zeszły 0, zeszłą 0, zeszłego 0",
    recent={
        "hour": "ostatnich 0 godzin, ciągu ostatnich 0 godzin",
        "day": "ostatnich 0 dni, ciągu ostatnich 0 dni",
        "week": "ostatnich 0 tygodni, ciągu ostatnich 0 tygodni",
        "month": "ostatnich 0 miesięcy, ciągu ostatnich 0 miesięcy",
    },
    ago={"day": "0 dni temu", "week": "0 tygodnie temu, 0 tygodni temu", "month": "0 miesiące temu, 0 miesięcy temu"},
    date_joiners="",
)
