"""The words of limits in Portuguese."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "arquivo, arquivos, ficheiro, ficheiros, anexo, anexos, documento, documentos",
        "pdf": "arquivo pdf, arquivos pdf, ficheiro pdf, documento pdf, documentos pdf",
        "image": "captura de tela, capturas de tela, captura de ecrã, capturas de ecrã, print, prints",
        "picture": "imagem, imagens, foto, fotos",
        "document": "documento word, documentos word, documento do word",
        "slides": "slides, apresentação, apresentações, powerpoint",
        "spreadsheet": "planilha, planilhas, folha de cálculo, folhas de cálculo",
        "text": "arquivo de texto, ficheiro de texto",
        "link": "link, links, ligação, ligações",
    },
    shared="compartilhou, compartilhado, compartilhada, compartilhados, compartilhadas, partilhou, partilhado, "
    "partilhada, partilhados, partilhadas, postou, postado, postados, publicou, publicado, publicada, publicados, "
    "publicadas, carregou",
    sent="enviou, enviado, enviada, enviados, enviadas, mandou",
    i_shared="compartilhei, partilhei, postei, publiquei, enviei",
    by="por, pelo, pela",
    genitive="de, do, da",
    at="em, no, na, nos, nas, durante",
    here="aqui",
    this_channel="neste canal, nesta conversa",
    since="desde, a partir de",
    before="antes de",
    after="depois de, após",
    me="eu",
    me_after_by="mim",
    linking="o, a, os, as, um, uma, que, foi, foram, sido, e, ou, todos, todas, novos, novas",
    asking="o que, quais, qual, mostre, mostra, liste, encontre, me mostre",
    empty="é, são, está, estão, diz, há, por favor, me, quem",
    counting="quantos, quantas",
    periods={
        "today": "hoje",
        "yesterday": "ontem",
        "day_before": "anteontem",
        "this_week": "esta semana, nesta semana",
        "last_week": "semana passada, a semana passada, na semana passada",
        "this_month": "este mês, neste mês",
        "last_month": "mês passado, o mês passado, no mês passado",
        "this_year": "este ano, neste ano",
        "last_year": "ano passado, o ano passado, no ano passado",
    },
    weekdays="segunda-feira/segunda, terça-feira/terça, quarta-feira/quarta, quinta-feira/quinta, sexta-feira/sexta, "
    "sábado, domingo",
    months="janeiro, fevereiro, março, abril, maio, junho, julho, agosto, setembro, outubro, novembro, dezembro",
    weekday_phrases="0 passada, 0 passado",
    recent={
        "hour": "últimas 0 horas",
        "day": "últimos 0 dias",
        "week": "últimas 0 semanas",
        "month": "últimos 0 meses",
    },
    ago={"day": "há 0 dias, há 0 dia, 0 dias atrás", "week": "há 0 semanas, 0 semanas atrás", "month": "há 0 meses"},
    date_joiners="de",
)
