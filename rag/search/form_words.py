"""Words that say in which form an answer is asked for, not what it is about: "page", "chart", "PDF". Pure."""

from __future__ import annotations

from functools import cache

from rag.analysis.letters import fold
from rag.search.limit_lexicon import Tag, lexicon
from rag.search.limit_words import LANGUAGES
from rag.search.page_words import LANGUAGES as PAGES

_PARTS = """
    table tables chart charts figure figures graph graphs diagram diagrams section sections chapter chapters appendix
    paragraph paragraphs line lines column columns row rows cell cells sheet sheets heading headings title titles
    footnote footnotes caption captions list lists word words
    tabelle tabellen diagramm diagramme abbildung abbildungen grafik grafiken abschnitt abschnitte kapitel anhang absatz
    zeile zeilen spalte spalten blatt überschrift überschriften titel fußnote liste listen wort wörter
    tableau tableaux graphique graphiques schéma figure figures section chapitre chapitres annexe paragraphe ligne
    lignes colonne colonnes feuille titre titres liste mot mots
    tabla tablas gráfico gráficos gráfica figura figuras diagrama sección capítulo capítulos anexo párrafo línea líneas
    columna columnas fila filas hoja título títulos lista palabra palabras
    tabella tabelle grafico grafici figura figure schema sezione capitolo capitoli appendice paragrafo riga righe
    colonna colonne foglio titolo titoli elenco parola parole
    tabela tabelas gráfico gráficos figura seção secção capítulo anexo parágrafo linha linhas coluna colunas folha
    tabel tabellen grafiek grafieken figuur figuren hoofdstuk hoofdstukken paragraaf alinea regel regels kolom kolommen
    rij rijen blad titel lijst woord woorden
    tabela tabele wykres wykresy rysunek rozdział rozdziały akapit wiersz wiersze kolumna kolumny tytuł lista słowo
    таблица таблице таблицу таблицы график графике диаграмма диаграмме рисунок рисунке раздел разделе глава главе
    приложение абзац строка строке столбец столбце заголовок список слово
"""
"""Parts of a document in the languages with spaces between words."""


@cache
def form_words() -> frozenset[str]:
    """Return the words for files, pages and parts of documents in all languages, folded."""
    words = {*_PARTS.split(), *(page for language in PAGES for page in language.pages.split())}
    for language in LANGUAGES:
        for entries in lexicon(language).entries.values():
            words |= {entry.words[0] for entry in entries if entry.tag is Tag.FILE and len(entry.words) == 1}
    return frozenset(map(fold, words))
