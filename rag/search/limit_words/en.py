"""The words of limits in English."""

from __future__ import annotations

from rag.search.limit_words import LimitWords

WORDS = LimitWords(
    files={
        "file": "file, files, attachment, attachments, upload, uploads, document, documents, doc, docs",
        "pdf": "pdf file, pdf files, pdf document, pdf documents",
        "image": "screen shot, screen shots, screen capture, screen captures",
        "picture": "image, images, picture, pictures, photo, photos",
        "document": "word document, word documents, word file, word files, word doc, word docs",
        "slides": "slides, slide deck, deck, decks, presentation, presentations, powerpoint, powerpoints",
        "spreadsheet": "spreadsheet, spreadsheets, excel file, excel files, excel sheet, excel sheets",
        "text": "text file, text files",
        "link": "link, links, url, urls",
    },
    shared="shared, posted, uploaded",
    sent="sent, dropped",
    infinitives="share, post, upload, send",
    auxiliaries="did, has, have, had",
    by="by, from",
    possessive="'s, ’s",
    at="in, on, to, into, during, at",
    here="here, in here",
    this_channel="in this channel, to this channel, in this conversation, in this thread",
    since="since, starting",
    before="before",
    after="after",
    me="i",
    me_after_by="me",
    linking="the, a, an, that, which, was, were, been, has, have, and, or, any, all, new, latest, recent",
    asking="what, which, anything, everything, list, show, show me, give me, find, find me, get me, tell me, send me",
    empty="is, are, does, do, say, says, there, please, can, you, it, did, about, for, of, us, who",
    counting="many",
    periods={
        "today": "today",
        "yesterday": "yesterday",
        "day_before": "the day before yesterday",
        "this_week": "this week",
        "last_week": "last week, the last week, the past week",
        "this_month": "this month",
        "last_month": "last month",
        "this_year": "this year",
        "last_year": "last year",
    },
    weekdays="monday, tuesday, wednesday, thursday, friday, saturday, sunday",
    months="january/jan, february/feb, march/mar, april/apr, may, june/jun, july/jul, august/aug, september/sep/sept, "
    "october/oct, november/nov, december/dec",
    weekday_phrases="last 0, this 0",
    recent={
        "hour": "the last 0 hours, last 0 hours, the past 0 hours, past 0 hours",
        "day": "the last 0 days, last 0 days, the past 0 days, past 0 days",
        "week": "the last 0 weeks, last 0 weeks, the past 0 weeks, past 0 weeks",
        "month": "the last 0 months, last 0 months, the past 0 months, past 0 months",
        "year": "the last 0 years, last 0 years, the past 0 years, past 0 years",
    },
    ago={"day": "0 days ago, 0 day ago", "week": "0 weeks ago, 0 week ago", "month": "0 months ago, 0 month ago"},
    date_joiners="of, the, st, nd, rd, th, .",
)
