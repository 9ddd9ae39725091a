"""The words of limits in Spanish."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "archivo, archivos, fichero, ficheros, adjunto, adjuntos, documento, documentos",
        "pdf": "archivo pdf, archivos pdf, documento pdf, documentos pdf",
        "image": "captura de pantalla, capturas de pantalla, captura, capturas, pantallazo, pantallazos",
        "picture": "imagen, imágenes, foto, fotos",
        "document": "documento word, documentos word, documento de word, documentos de word",
        "slides": "diapositivas, presentación, presentaciones, powerpoint",
        "spreadsheet": "hoja de cálculo, hojas de cálculo, archivo excel, archivos excel",
        "text": "archivo de texto, archivos de texto",
        "link": "enlace, enlaces",
    },
    shared="compartió, compartido, compartida, compartidos, compartidas, publicó, publicado, publicada, publicados, "
    "publicadas, subió, subido, subida, subidos, subidas, compartieron, subieron, se compartió, se subió",
    sent="envió, enviado, enviada, enviados, enviadas, mandó",
    i_shared="compartí, subí, publiqué, envié",
    by="por",
    genitive="de",
    at="en, el, al, durante",
    here="aquí, acá",
    this_channel="en este canal, en esta conversación, en este hilo",
    since="desde",
    before="antes del, antes de",
    after="después del, después de",
    me="yo",
    me_after_by="mí",
    linking="el, la, los, las, un, una, que, ha, han, he, fue, fueron, sido, se, y, o, todos, todas, nuevos, nuevas",
    asking="qué, cuáles, cuál, muestra, muéstrame, lista, busca, encuentra, dame",
    empty="es, son, dice, hay, por favor, me, nos, quién",
    counting="cuántos, cuántas",
    periods={
        "today": "hoy",
        "yesterday": "ayer",
        "day_before": "anteayer",
        "this_week": "esta semana",
        "last_week": "la semana pasada, semana pasada",
        "this_month": "este mes",
        "last_month": "el mes pasado, mes pasado",
        "this_year": "este año",
        "last_year": "el año pasado, año pasado",
    },
    weekdays="lunes, martes, miércoles, jueves, viernes, sábado, domingo",
    months="enero, febrero, marzo, abril, mayo, junio, julio, agosto, septiembre/setiembre, octubre, "
    "noviembre, diciembre",
    weekday_phrases="0 pasado, pasado 0",
    recent={
        "hour": "las últimas 0 horas",
        "day": "los últimos 0 días",
        "week": "las últimas 0 semanas",
        "month": "los últimos 0 meses",
    },
    ago={"day": "hace 0 días, hace 0 día", "week": "hace 0 semanas, hace 0 semana", "month": "hace 0 meses"},
    date_joiners="de, del",
)
