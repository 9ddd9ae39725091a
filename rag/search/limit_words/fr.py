"""The words of limits in French."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "fichier, fichiers, pièce jointe, pièces jointes, document, documents",
        "pdf": "fichier pdf, fichiers pdf, document pdf, documents pdf",
        "image": "capture d'écran, captures d'écran, capture d’écran, captures d’écran, capture, captures",
        "picture": "image, images, photo, photos",
        "document": "document word, documents word, fichier word, fichiers word",
        "slides": "diapositives, diapos, présentation, présentations, powerpoint",
        "spreadsheet": "feuille de calcul, feuilles de calcul, tableur, fichier excel, fichiers excel",
        "text": "fichier texte, fichiers texte",
        "link": "lien, liens",
    },
    shared="partagé, partagée, partagés, partagées, posté, postée, postés, postées, téléversé, téléversés, déposé, "
    "déposée, déposés, déposées, mis en ligne",
    sent="envoyé, envoyée, envoyés, envoyées",
    by="par",
    genitive="de, d', d’",
    at="dans, sur, en, à, le, au cours",
    here="ici",
    this_channel="dans ce canal, dans cette conversation, dans ce fil",
    since="depuis",
    before="avant",
    after="après",
    me="je, j', j’",
    me_after_by="moi",
    linking="le, la, les, l', l’, un, une, des, que, qu', qu’, qui, a, ont, ai, été, a été, ont été, et, ou, "
    "tous, toutes, nouveau, nouveaux, derniers",
    asking="que, qu'est-ce qui, qu’est-ce qui, quels, quelles, quel, quelle, montre, montre-moi, liste, "
    "trouve, affiche",
    empty="est, sont, dit, il, y, s'il te plaît, qui, nous",
    counting="combien de",
    periods={
        "today": "aujourd'hui, aujourd’hui",
        "yesterday": "hier",
        "day_before": "avant-hier",
        "this_week": "cette semaine",
        "last_week": "la semaine dernière, la semaine passée, semaine dernière, semaine passée",
        "this_month": "ce mois-ci, ce mois",
        "last_month": "le mois dernier, le mois passé",
        "this_year": "cette année",
        "last_year": "l'année dernière, l’année dernière, l'an dernier, l’an dernier",
    },
    weekdays="lundi, mardi, mercredi, jeudi, vendredi, samedi, dimanche",
    months="janvier, février, mars, avril, mai, juin, juillet, août, septembre, octobre, novembre, décembre",
    weekday_phrases="0 dernier, 0 passé",
    recent={
        "hour": "ces 0 dernières heures, les 0 dernières heures, des 0 dernières heures",
        "day": "ces 0 derniers jours, les 0 derniers jours, des 0 derniers jours",
        "week": "ces 0 dernières semaines, les 0 dernières semaines, des 0 dernières semaines",
        "month": "ces 0 derniers mois, les 0 derniers mois, des 0 derniers mois",
    },
    ago={
        "day": "il y a 0 jours, il y a 0 jour",
        "week": "il y a 0 semaines, il y a 0 semaine",
        "month": "il y a 0 mois",
    },
    date_joiners="er",
)
