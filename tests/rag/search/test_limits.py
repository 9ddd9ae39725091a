"""Who, where, when and what type a question asks for: operators, and phrases in twelve languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.model.search import FileType
from rag.search.limits import HERE, ME, LimitedQuery, Operator, QueryLimits, read_limits

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 10, 30, tzinfo=BERLIN)  # a Wednesday
PEOPLE = frozenset({"ada", "ben", "ada lovelace", "jean-luc", "may", "田中", "ада", "آدا"})
CHANNELS = frozenset({"ops", "harbor-works"})

TODAY = ("2026-11-25", "2026-11-26")
YESTERDAY = ("2026-11-24", "2026-11-25")
LAST_WEEK = ("2026-11-16", "2026-11-23")
SINCE_MONDAY = ("2026-11-23", "")
MAY_3 = ("2026-05-03", "2026-05-04")
ANY = ("", "")
PDF, IMAGE = FileType.PDF, FileType.IMAGE


def read(question: str, now: datetime = NOW) -> LimitedQuery:
    return read_limits(
        question, now, is_person=lambda it: it.casefold() in PEOPLE, is_channel=lambda it: it.casefold() in CHANNELS
    )


def midnight(day: str) -> datetime | None:
    return datetime.fromisoformat(day).replace(tzinfo=BERLIN) if day else None


def limits(
    people: str = "", channels: str = "", when: tuple[str, str] = ANY, types: tuple[FileType, ...] = ()
) -> QueryLimits:
    return QueryLimits(
        tuple(people.split(",")) if people else (),
        tuple(channels.split(",")) if channels else (),
        midnight(when[0]),
        midnight(when[1]),
        frozenset(types),
    )


ADA_LAST_WEEK = limits("Ada", "ops", LAST_WEEK, (PDF,))
HERE_YESTERDAY = limits(channels=HERE, when=YESTERDAY)
BEN_SINCE_MONDAY = limits("Ben", when=SINCE_MONDAY, types=(IMAGE,))

LIMITED = [
    # English
    ("the PDF Ada posted last week in #ops", ADA_LAST_WEEK, ""),
    ("What is the deadline in the PDF that Ada posted in #ops last week?", ADA_LAST_WEEK, "What is the deadline?"),
    ("what was shared here yesterday?", HERE_YESTERDAY, ""),
    ("screenshots from Ben since Monday", BEN_SINCE_MONDAY, ""),
    ("show me yesterday's screenshots", limits(when=YESTERDAY, types=(IMAGE,)), ""),
    ("which PDFs did Ada post about the budget?", limits("Ada", types=(PDF,)), "about the budget?"),
    ("the budget that Ada Lovelace shared on 3 May", limits("Ada Lovelace", when=MAY_3), "the budget"),
    ("the tide table Jean-Luc uploaded", limits("Jean-Luc"), "the tide table"),
    (
        "files uploaded by <@U1|ada> in <#C1|ops> before 2026-11-03",
        limits("<@U1>", "C1", ("", "2026-11-03")),
        "",
    ),
    ("the files I shared today about cranes", limits(ME, when=TODAY), "about cranes"),
    ("PDFs posted by me", limits(ME, types=(PDF,)), ""),
    ("Tell me what Ada posted in the last 3 days", limits("Ada", when=("2026-11-22", "")), ""),
    ("cranes in the files uploaded 2 weeks ago", limits(when=("2026-11-09", "2026-11-16")), "cranes"),
    ("the file shared in this channel about cranes", limits(channels=HERE), "about cranes"),
    ("PDFs uploaded in May 2025 about cranes", limits(when=("2025-05-01", "2025-06-01"), types=(PDF,)), "about cranes"),
    ("Ada's PDFs and screenshots about cranes", limits("Ada", types=(PDF, IMAGE)), "about cranes"),
    ("files and PDFs from Ada or Ben", limits("Ada,Ben"), ""),
    ("slides from Ada", limits("Ada", types=(FileType.SLIDES, PDF)), ""),
    ("Who uploaded the PDF last week?", limits(when=LAST_WEEK, types=(PDF,)), ""),
    ("the latest PDF in #ops about cranes", limits(channels="ops", types=(PDF,)), "about cranes"),
    ("the PDF of 3 May that Ada posted", limits("Ada"), "the PDF of 3 May"),
    ("AdaさんからのPDF", limits("Ada", types=(PDF,)), ""),
    ("来自Ada的PDF", limits("Ada", types=(PDF,)), ""),
    ("the PDF May posted", limits("May", types=(PDF,)), ""),
    # German
    ("das PDF, das Ada letzte Woche in #ops geteilt hat", ADA_LAST_WEEK, ""),
    ("Was wurde hier gestern geteilt?", HERE_YESTERDAY, ""),
    ("Screenshots von Ben seit Montag", BEN_SINCE_MONDAY, ""),
    ("das Angebot, das Ada am 3. Mai hochgeladen hat", limits("Ada", when=MAY_3), "das Angebot"),
    # French
    ("le PDF qu'Ada a partagé la semaine dernière dans #ops", ADA_LAST_WEEK, ""),
    ("Qu'est-ce qui a été partagé ici hier ?", HERE_YESTERDAY, ""),
    ("captures d'écran de Ben depuis lundi", BEN_SINCE_MONDAY, ""),
    # Spanish
    ("el PDF que Ada compartió la semana pasada en #ops", ADA_LAST_WEEK, ""),
    ("¿Qué se compartió aquí ayer?", HERE_YESTERDAY, ""),
    ("el archivo que compartí el 3 de mayo sobre costes", limits(ME, when=MAY_3), "sobre costes"),
    # Italian
    ("il PDF che Ada ha condiviso la settimana scorsa in #ops", ADA_LAST_WEEK, ""),
    ("Cosa è stato condiviso qui ieri?", HERE_YESTERDAY, ""),
    # Portuguese
    ("o PDF que a Ada compartilhou na semana passada em #ops", ADA_LAST_WEEK, ""),
    ("O que foi compartilhado aqui ontem?", HERE_YESTERDAY, ""),
    # Dutch
    ("de pdf die Ada vorige week in #ops heeft gedeeld", ADA_LAST_WEEK, ""),
    ("Wat is hier gisteren gedeeld?", HERE_YESTERDAY, ""),
    # Polish
    ("plik PDF, który Ada udostępniła w zeszłym tygodniu na #ops", ADA_LAST_WEEK, ""),
    ("Co tutaj wczoraj udostępniono?", HERE_YESTERDAY, ""),
    # Russian
    ("PDF, которым Ada поделилась на прошлой неделе в #ops", ADA_LAST_WEEK, ""),
    ("Что выложили здесь вчера?", HERE_YESTERDAY, ""),
    ("скриншоты от Ben с понедельника", BEN_SINCE_MONDAY, ""),
    # Arabic
    ("ملف PDF الذي شاركته Ada الأسبوع الماضي في #ops", ADA_LAST_WEEK, ""),
    ("ما الذي تمت مشاركته هنا أمس؟", HERE_YESTERDAY, ""),
    # Chinese
    ("Ada上周在#ops分享的PDF", ADA_LAST_WEEK, ""),
    ("昨天这里分享了什么？", HERE_YESTERDAY, ""),
    ("Ben周一以来分享的截图", BEN_SINCE_MONDAY, ""),
    # Japanese
    ("先週Adaさんが#opsで共有したPDF", ADA_LAST_WEEK, ""),
    ("昨日ここで共有されたファイルは？", HERE_YESTERDAY, ""),
    ("田中さんが5月3日に共有した画像の締め切りは？", limits("田中", when=MAY_3, types=(IMAGE,)), "締め切りは？"),
]

NOT_LIMITED = [
    # A time, a name or a type that belongs to the topic
    "the revenue of 2019",
    "What happened at the meeting of 3 May?",
    "What did Ada say about the budget yesterday?",
    "the PDF of 2019",
    "the file from 2019",
    "the image of Ada on page 3",
    "What does the PDF say about May?",
    "Which screenshots show the login page?",
    "How does the PDF explain photos from May?",
    "What is the deadline on Friday?",
    "last week's results from Ada",
    "Who is Ada?",
    "What is the purpose of #ops?",
    "May I use the files?",
    "Ada's photo",
    "What does Ada's presentation say about cranes?",
    "What was posted in the news yesterday?",
    "Which documents were posted on the website in 2019?",
    "files uploaded to S3 last week",
    "images shared by users",
    "What was shared between 2019 and 2020?",
    "What changed since Monday?",
    "Is there a letter from Ada?",
    "slides for yesterday's meeting",
    "the PDF about screenshots from yesterday's outage",
    # Sharing as a topic
    "Who shared the Nobel Prize last year?",
    "How many photos were uploaded in 2015?",
    "Which companies shared data last year?",
    "What was sent to Ada yesterday?",
    "Who posted the results of last week's meeting?",
    "Did Ada share the results in the meeting of 3 May?",
    "What share of revenue did the company post last year?",
    "Where can I upload?",
    "Why was the PDF sent in 2019 to the court?",
    "What does the picture here show?",
    "What is shown here?",
    # A name that does not exist
    "the PDF Zoe posted",
    "screenshots from Zoe",
    "the image from Paris",
    "What was posted in #unknown?",
    # Other languages
    "der Umsatz von 2019",
    "Bilder von Ada",
    "Was steht hier?",
    "Welche Firmen haben letztes Jahr Daten geteilt?",
    "Was geschah am 3. Mai?",
    "le chiffre d'affaires de 2019",
    "la photo de Ada",
    "Que s'est-il passé hier ?",
    "las ventas de mayo de 2019",
    "¿Qué dice el documento de 2019?",
    "il fatturato del 2019",
    "Cosa è successo ieri?",
    "a receita de 2019",
    "de omzet van 2019",
    "Wat staat hier?",
    "przychody z 2019 roku",
    "Co stało się wczoraj?",
    "выручка за 2019 год",
    "Что произошло вчера?",
    "إيرادات عام 2019",
    "ماذا حدث أمس؟",
    "2019年的收入",
    "昨天发生了什么？",
    "2019年の売上",
    "昨日の会議で何が決まりましたか？",
    "",
    "   ",
]


@pytest.mark.parametrize(("question", "expected", "text"), LIMITED, ids=[case[0] for case in LIMITED])
def test_phrase_about_sharing_limits(question: str, expected: QueryLimits, text: str) -> None:
    result = read(question)
    assert result.limits == expected
    assert result.text == text
    assert result.wants_list or text


@pytest.mark.parametrize("question", NOT_LIMITED)
def test_topic_does_not_limit(question: str) -> None:
    assert read(question) == LimitedQuery(question)


@pytest.mark.parametrize(
    ("question", "is_list"),
    [
        ("what was shared here yesterday about cranes?", True),
        ("which PDFs did Ada post about the budget?", True),
        ("files from:ada", True),
        ("What is the deadline in the PDF Ada posted?", False),
        ("budget from:ada", False),
        ("what is new in the harbor?", False),
        ("list all files", True),
        ("Which files do you have?", True),
        ("Zeige alle Dateien", True),
        ("列出所有文件", True),
        ("show me the file", False),
        ("What is in the file?", False),
        ("which document is this?", False),
        ("which files mention the gateway?", False),
    ],
)
def test_list_is_wanted_if_the_words_ask_for_files(question: str, is_list: bool) -> None:
    assert read(question).wants_list is is_list


@pytest.mark.parametrize(
    ("question", "types"),
    [
        ("which files are here?", ()),
        ("list all the files here", ()),
        ("What PDFs are in this channel?", (PDF,)),
        ("Welche Dateien sind hier?", ()),
        ("Quels fichiers sont ici ?", ()),
        ("¿Qué archivos hay aquí?", ()),
        ("Quali file ci sono qui?", ()),
        ("Quais arquivos estão aqui?", ()),
        ("Welke bestanden zijn hier?", ()),
        ("Jakie pliki tu są?", ()),
        ("Какие файлы здесь?", ()),
        ("ここにどのファイルがありますか", ()),
        ("这里有哪些文件？", ()),
        ("ما هي الملفات هنا؟", ()),
    ],
)
def test_question_for_the_files_here_is_a_list(question: str, types: tuple[FileType, ...]) -> None:
    assert read(question) == LimitedQuery("", limits(channels=HERE, types=types), wants_list=True)


def test_question_for_all_files_of_a_type_is_a_list() -> None:
    expected = LimitedQuery("", limits(types=(FileType.SPREADSHEET,)), wants_list=True)
    assert read("Which spreadsheets do you have?") == expected


# ---------------------------------------------------------------- operators


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ("from:ada", limits("ada")),
        ("from:@ada", limits("ada")),
        ('from:"Ada Lovelace"', limits("Ada Lovelace")),
        ("from:“Ada Lovelace”", limits("Ada Lovelace")),
        ("from:<@U1|ada> from:me", limits("<@U1>,me")),
        ("FROM:Me", limits(ME)),
        ("in:#ops in:harbor-works", limits(channels="ops,harbor-works")),
        ("in:<#C1|ops> in:here", limits(channels="C1,here")),
        ("since:2026-11-01", limits(when=("2026-11-01", ""))),
        ("after:2026-11-01", limits(when=("2026-11-02", ""))),
        ("before:friday", limits(when=("", "2026-11-20"))),
        ("on:yesterday", limits(when=YESTERDAY)),
        ('on:"3 May"', limits(when=MAY_3)),
        ("on:3.5.2026", limits(when=MAY_3)),
        ("on:last-week", limits(when=LAST_WEEK)),
        ("on:2025", limits(when=("2025-01-01", "2026-01-01"))),
        ('on:"May 3rd, 2025"', limits(when=("2025-05-03", "2025-05-04"))),
        ('on:"29 February"', limits(when=("2024-02-29", "2024-03-01"))),
        ("on:may", limits(when=("2026-05-01", "2026-06-01"))),
        ("on:december", limits(when=("2025-12-01", "2026-01-01"))),
        ("since:gestern", limits(when=("2026-11-24", ""))),
        ("since:先週", limits(when=("2026-11-16", ""))),
        ("since:2026-11-10 since:2026-11-01 before:2026-11-20", limits(when=("2026-11-10", "2026-11-20"))),
        ("type:pdf,image", limits(types=(PDF, IMAGE))),
        ("type:pdf type:image", limits(types=(PDF, IMAGE))),
        ("type:screenshots", limits(types=(IMAGE,))),
        ("type:slides", limits(types=(FileType.SLIDES,))),
    ],
)
def test_operators_limit_and_leave_the_text(operators: str, expected: QueryLimits) -> None:
    assert read(f"{operators} tide table") == LimitedQuery("tide table", expected)
    assert read(f"tide {operators} table") == LimitedQuery("tide table", expected)
    assert read(operators) == LimitedQuery("", expected, wants_list=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "zoe"),
        ("in", "#unknown"),
        ("in", "#here"),
        ("since", "foo"),
        ("on", "2026-02-30"),
        ("on", "2026-13-01"),
        ("after", "0 days ago"),
        ("type", "hologram"),
        ("type", "file"),
    ],
)
def test_operator_with_an_unknown_value_stays_in_the_text(name: str, value: str) -> None:
    question = f'{name}:"{value}" table'
    assert read(question) == LimitedQuery(question, not_understood=(Operator(name, value),))


@pytest.mark.parametrize(
    "question", ["https://example.org/in:ops", "in: the report", "login:from:", "mail-from:ada", 'from:""', "type: pdf"]
)
def test_other_colons_are_text(question: str) -> None:
    assert read(question) == LimitedQuery(question)


def test_punctuation_after_an_operator_is_not_its_value() -> None:
    assert read("what about cranes (from:ada, in:#ops)?").limits == limits("ada", "ops")


def test_phrase_that_contradicts_an_operator_is_text() -> None:
    question = "the PDF Ben posted last week"
    assert read(f"from:ada {question}") == LimitedQuery(question, limits("ada"))
    assert read(f"before:2026-11-01 {question}") == LimitedQuery(question, limits(when=("", "2026-11-01")))
    assert read(f"since:2026-11-18 {question}").limits.since == midnight("2026-11-18")


def test_only_operators_limit_a_pasted_text() -> None:
    pasted = "the PDF Ada posted last week. " * 100
    assert read(pasted).limits.is_empty
    assert read(f"{pasted} from:ben").limits == limits("Ben".lower())


def test_only_the_given_languages_are_read() -> None:
    def in_german(question: str) -> QueryLimits:
        return read_limits(question, NOW, is_person=lambda _: True, is_channel=lambda _: True, languages=("de",)).limits

    assert in_german("Was wurde hier gestern geteilt?") == HERE_YESTERDAY
    assert in_german("what was shared here yesterday?").is_empty


def test_now_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        read("cranes", datetime(2026, 11, 25))


# ---------------------------------------------------------------- time zones


@pytest.mark.parametrize(
    ("zone", "now", "question", "since", "before"),
    [
        # The clock is set back on October 25: the day has 25 hours
        ("Europe/Berlin", "2026-10-26T08:00", "on:yesterday", "2026-10-24T22:00", "2026-10-25T23:00"),
        # The clock is set forward on March 29: the day has 23 hours
        ("Europe/Berlin", "2026-03-29T12:00", "on:today", "2026-03-28T23:00", "2026-03-29T22:00"),
        # The clock is set forward at midnight: the day starts at 01:00
        ("Africa/Cairo", "2024-04-26T12:00", "on:today", "2024-04-25T22:00", "2024-04-26T21:00"),
        # The same moment is another day elsewhere
        ("Pacific/Auckland", "2026-11-25T01:00", "on:today", "2026-11-24T11:00", "2026-11-25T11:00"),
        ("America/Los_Angeles", "2026-11-24T23:00", "on:today", "2026-11-24T08:00", "2026-11-25T08:00"),
    ],
)
def test_days_are_days_of_the_person_who_asks(zone: str, now: str, question: str, since: str, before: str) -> None:
    result = read(question, datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone))).limits
    assert result.since is not None
    assert result.before is not None
    assert result.since.astimezone(UTC).isoformat()[:16] == since
    assert result.before.astimezone(UTC).isoformat()[:16] == before


def test_hours_are_elapsed_hours() -> None:
    now = datetime(2026, 10, 25, 4, 0, tzinfo=BERLIN)
    since = read('since:"last 3 hours"', now).limits.since
    assert since is not None
    assert now.astimezone(UTC) - since.astimezone(UTC) == timedelta(hours=3)


@pytest.mark.parametrize(("day", "start"), [(23, 23), (29, 23), (30, 30)])
def test_week_starts_on_monday(day: int, start: int) -> None:
    since = read("on:this-week", NOW.replace(day=day)).limits.since
    assert since == midnight(f"2026-11-{start}")


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe")
NOWS = st.builds(
    lambda moment, zone: moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(ZONES),
)


@given(NOWS)
def test_yesterday_ends_when_today_starts(now: datetime) -> None:
    today, yesterday = read("on:today", now).limits, read("on:yesterday", now).limits
    assert today.since is not None
    assert today.before is not None
    assert yesterday.before == today.since
    assert today.since.astimezone(UTC) <= now.astimezone(UTC) < today.before.astimezone(UTC)
    assert (yesterday.before - timedelta(days=1)).date() == (yesterday.since or now).date()


# ---------------------------------------------------------------- properties

WORDS = (
    "the PDF screenshots files Ada Ben posted shared here in #ops from by since before last week yesterday May 3 2019 "
    "'s what which did post I me of , . ? 31 99999999999 <@U1> <#C1|ops> 先週 共有した の 昨天 分享 geteilt von "
    "hier vor partagé de par ayer en compartió شاركته أمس поделился вчера 月 日 5 年 00 0 days ago"
).split()
TEXTS = st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
OPERATORS = st.lists(
    st.builds(
        "{}:{}".format,
        st.sampled_from(["from", "in", "since", "after", "before", "on", "type"]),
        st.sampled_from(["ada", "ops", "pdf", '"last week"', "2026-11-03", "zoe", "<@U1>", "here", '"', "me", "٣"]),
    ),
    max_size=4,
).map(" ".join)


class SharedFile(NamedTuple):
    person: str
    channel: str
    at: datetime
    type: FileType


FILES = [
    SharedFile(*values)
    for values in product(
        ("Ada", "ada", "Ben", "me", "<@U1>"),
        ("ops", "here", "C1"),
        [NOW - timedelta(days=days) for days in (0, 1, 3, 8, 30, 210, 2600)],
        (PDF, IMAGE),
    )
]


def allowed(by: QueryLimits) -> set[SharedFile]:
    return {
        file
        for file in FILES
        if (not by.people or file.person in by.people)
        and (not by.channels or file.channel in by.channels)
        and (by.since is None or file.at >= by.since)
        and (by.before is None or file.at < by.before)
        and (not by.types or file.type in by.types)
    }


@given(TEXTS, OPERATORS, NOWS)
def test_any_text_is_read(text: str, operators: str, now: datetime) -> None:
    question = f"{text} {operators}"
    result = read(question, now)
    if result.limits.is_empty:
        assert result.text == question
        assert len(question) <= 100 or not result.wants_list
    assert result.text or result.wants_list or not question.strip()
    for moment in (result.limits.since, result.limits.before):
        assert moment is None or moment.tzinfo is now.tzinfo


@given(TEXTS.filter(lambda text: ":" not in text), OPERATORS)
def test_phrases_only_narrow_what_operators_allow(text: str, operators: str) -> None:
    assert allowed(read(f"{operators} {text}").limits) <= allowed(read(operators).limits)


@given(
    st.lists(st.sampled_from(["Ada", "Ben", "Ada Lovelace", "me", "<@U1>", "田中"]), unique=True),
    st.lists(st.sampled_from(["ops", "harbor-works", "here"]), unique=True),
    st.none() | st.dates(datetime(1990, 1, 1).date(), datetime(2100, 1, 1).date()),
    st.none() | st.dates(datetime(1990, 1, 1).date(), datetime(2100, 1, 1).date()),
    st.frozensets(st.sampled_from(FileType)),
)
def test_limits_written_as_operators_are_read_back(
    people: list[str], channels: list[str], since: object, before: object, types: frozenset[FileType]
) -> None:
    written = [f'from:"{person}"' for person in people] + [f'in:"{channel}"' for channel in channels]
    written += [f"since:{since}"] * (since is not None) + [f"before:{before}"] * (before is not None)
    written += [f"type:{file_type}" for file_type in types]
    expected = QueryLimits(
        tuple(people),
        tuple(channels),
        midnight(str(since or "")),
        midnight(str(before or "")),
        types,
    )
    result = read(" ".join([*written, "tide table"]))
    assert result.limits == expected
    assert result.text == "tide table"
