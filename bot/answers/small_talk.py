"""Greetings, thanks and other words with which people do not ask anything, in twelve languages. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import TypeAlias

Phrase: TypeAlias = tuple[str, ...]

_LONGEST = 160
"""Characters of the longest text that can be small talk."""

_EMOJI = re.compile(r":[a-z0-9_+'-]+:|<3|[:;=8]-?[()DP]", re.IGNORECASE)
_QUESTION_MARKS = frozenset("?？؟")

# A word, or one letter of Chinese or Japanese, which are written without spaces. Apostrophes are removed first.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u3005]|[^\W\d_\u3040-\u30ff\u3400-\u9fff\u3005]+")
_IGNORED = str.maketrans("", "", "'’ʼ`´\u0640")
"""Apostrophes, and the line that lengthens Arabic words."""

_SAID = """
en: hi, hi there, hey, hey there, hello, hello there, hiya, howdy, yo, good morning, good afternoon, good evening,
    good night, good day, morning, greetings, bye, bye bye, goodbye, good bye, see you, see you later, cheers, cya,
    have a nice day, have a great day, have a nice weekend, thank you, thank u, thanks, thx, tnx, ty, tysm,
    thankyou, many thanks, thanks a lot, thanks a bunch, thanks a million, thank you very much, thank you so much,
    much appreciated, appreciated, appreciate it, i appreciate it, ok, okay, k, kk, okey, alright, all right,
    all good, all clear, great, great job, great work, perfect, nice, nice one, nice work, cool, awesome, amazing,
    excellent, wonderful, fantastic, brilliant, lovely, super, good, very good, good job, well done, good bot,
    good to know, got it, i got it, understood, i see, makes sense, that makes sense, that helps, that helped,
    that is all, thats all, that works, this works, works for me, fine, sounds good, looks good, lgtm, right,
    exactly, agreed, sure, lol, haha, yes, yeah, yep, yup, no, nope, nah, no problem, np, no worries, never mind,
    nevermind, nvm, done, welcome, you are welcome, youre welcome, you rock, youre the best, you are the best,
    nice to meet you
de: hallo, hallo zusammen, hi zusammen, guten morgen, guten tag, guten abend, gute nacht, morgen, moin, moin moin,
    servus, grüezi, grüß dich, grüß gott, tag, na, tschüss, tschüß, ciao, bis dann, bis später, bis morgen,
    auf wiedersehen, schönen tag, schönen tag noch, schönen abend, schönen abend noch, schönes wochenende, danke,
    danke schön, dankeschön, danke sehr, danke dir, vielen dank, vielen lieben dank, lieben dank, herzlichen dank,
    besten dank, tausend dank, merci, ich danke dir, danke für die hilfe, danke für deine hilfe, gern, gerne,
    gern geschehen, alles klar, klar, passt, passt schon, super, prima, toll, klasse, spitze, perfekt, sehr gut,
    gut, gut zu wissen, in ordnung, einverstanden, verstanden, verstehe, ach so, achso, aha, genau, stimmt, ja, jep,
    nein, nee, ne, schon gut, erledigt, gute arbeit, gut gemacht, freut mich, bitte, bitte schön
fr: bonjour, bonsoir, bonne nuit, salut, coucou, bonne journée, bonne soirée, bon week end, au revoir, à bientôt,
    à plus, à demain, merci, merci beaucoup, merci bien, merci à toi, merci à vous, mille mercis, un grand merci,
    grand merci, merci pour tout, merci pour l aide, merci pour laide, merci pour ton aide, merci pour votre aide,
    je te remercie, je vous remercie, de rien, d accord, daccord, dac, parfait, super, génial, très bien, bien,
    bien reçu, c est bon, cest bon, ça marche, nickel, top, compris, j ai compris, jai compris, je vois, ok merci,
    oui, ouais, non, exact, exactement, entendu, enchanté, bravo, bon travail
es: hola, hola a todos, buenos días, buenas tardes, buenas noches, buenas, buen día, saludos, adiós, chao, chau,
    hasta luego, hasta mañana, hasta pronto, nos vemos, gracias, muchas gracias, mil gracias, muchísimas gracias,
    gracias a ti, gracias por todo, gracias por la ayuda, gracias por tu ayuda, muy amable, te lo agradezco,
    de nada, vale, de acuerdo, perfecto, genial, estupendo, excelente, muy bien, bien, está bien, entendido,
    entiendo, ya veo, claro, listo, hecho, sí, si, no, exacto, qué bien, buen trabajo, encantado, encantada,
    mucho gusto
it: ciao, ciao a tutti, salve, buongiorno, buon giorno, buonasera, buona sera, buonanotte, buona notte,
    buona giornata, buon fine settimana, arrivederci, a presto, a domani, a dopo, grazie, grazie mille,
    mille grazie, molte grazie, tante grazie, grazie tante, grazie a te, grazie di tutto, grazie per l aiuto,
    grazie per laiuto, grazie dell aiuto, grazie dellaiuto, ti ringrazio, la ringrazio, prego, di nulla, di niente,
    va bene, d accordo, daccordo, perfetto, ottimo, benissimo, molto bene, bene, fantastico, capito, ho capito,
    chiaro, certo, fatto, esatto, sì, si, no, bravo, bel lavoro, ottimo lavoro, piacere
pt: olá, oi, oi gente, bom dia, boa tarde, boa noite, adeus, tchau, até logo, até mais, até amanhã, até já,
    obrigado, obrigada, muito obrigado, muito obrigada, obrigadão, brigado, brigada, valeu, obrigado pela ajuda,
    obrigada pela ajuda, obrigado por tudo, agradeço, muito grato, muito grata, de nada, tá, tá bom, está bem,
    está bom, tudo certo, certo, beleza, perfeito, ótimo, excelente, muito bom, bom, legal, fixe, maravilha,
    entendi, entendido, percebi, claro, feito, pronto, sim, não, isso, exato, bom trabalho, prazer
nl: hallo, hallo allemaal, hoi, hé, goedemorgen, goede morgen, goedemiddag, goedenavond, goedendag, goedenacht,
    welterusten, dag, doei, tot ziens, tot straks, tot morgen, fijne dag, fijne avond, fijn weekend, bedankt,
    dank je, dank je wel, dankjewel, dank u, dank u wel, dankuwel, dankje, heel erg bedankt, hartelijk dank,
    hartelijk bedankt, veel dank, bedankt voor de hulp, bedankt voor je hulp, thanks, graag gedaan, geen probleem,
    oké, prima, perfect, goed, heel goed, top, super, mooi, fijn, geweldig, uitstekend, begrepen, ik snap het,
    snap ik, duidelijk, akkoord, in orde, klopt, ja, nee, gedaan, goed gedaan, goed werk, aangenaam
ru: привет, всем привет, приветствую, здравствуй, здравствуйте, доброе утро, добрый день, добрый вечер, доброй ночи,
    спокойной ночи, хай, пока, до свидания, до встречи, до завтра, всего доброго, хорошего дня, спасибо,
    спасибо большое, большое спасибо, огромное спасибо, спасибо огромное, спс, благодарю, спасибо за помощь,
    пожалуйста, не за что, ок, окей, хорошо, ладно, отлично, прекрасно, супер, класс, круто, понятно, понял, поняла,
    ясно, договорились, замечательно, здорово, молодец, да, нет, точно, верно, готово, всё ясно, все ясно,
    всё понятно, все понятно, очень приятно, хорошая работа
pl: cześć, cześć wszystkim, hej, hejka, siema, dzień dobry, dobry wieczór, dobranoc, witam, witaj, pa, do widzenia,
    do zobaczenia, na razie, do jutra, miłego dnia, dziękuję, dziękuje, dziękuję bardzo, bardzo dziękuję, dzięki,
    dzięki wielkie, wielkie dzięki, dziękuję za pomoc, dzięki za pomoc, dziękujemy, nie ma za co, proszę, dobra,
    dobrze, bardzo dobrze, w porządku, super, świetnie, doskonale, idealnie, spoko, jasne, rozumiem, zrozumiałem,
    zrozumiałam, zgoda, tak, nie, gotowe, zrobione, dokładnie, dobra robota, miło mi
ja: こんにちは, こんにちわ, こんばんは, おはよう, おはようございます, やあ, どうも, はじめまして, おやすみ,
    おやすみなさい, さようなら, またね, また明日, お疲れ様です, お疲れ様でした, お疲れ様, おつかれさまです,
    おつかれさま, お疲れさまです, よろしく, よろしくお願いします, よろしくおねがいします, ありがとう,
    ありがとうございます, ありがとうございました, どうもありがとう, どうもありがとうございます, 有難うございます,
    有り難うございます, ありがと, 感謝します, 助かります, 助かりました, 了解, 了解です, 了解しました, りょうかい,
    わかりました, 分かりました, わかった, 分かった, 承知しました, なるほど, いいね, いいですね, 素晴らしい, すごい,
    完璧です, 完璧, オッケー, オーケー, はい, うん, いいえ, 大丈夫です, 大丈夫, そうですね, いえいえ,
    どういたしまして
zh: 你好, 您好, 大家好, 嗨, 哈喽, 喂, 早, 早安, 早上好, 上午好, 中午好, 下午好, 晚上好, 晚安, 再见, 拜拜, 明天见,
    谢谢, 谢谢你, 谢谢您, 谢谢大家, 多谢, 多谢了, 谢了, 谢啦, 非常感谢, 十分感谢, 感谢, 感谢你, 感谢您, 太感谢了,
    辛苦了, 辛苦, 谢谢帮助, 谢谢你的帮助, 感谢帮助, 謝謝, 謝謝你, 謝謝您, 多謝, 非常感謝, 感謝, 不客气, 不客氣, 好,
    好的, 好吧, 好了, 行, 可以, 没问题, 沒問題, 明白, 明白了, 知道了, 懂了, 了解, 收到, 太好了, 很好, 非常好, 不错,
    完美, 厉害, 棒, 太棒了, 真棒, 赞, 是, 是的, 对, 对的, 不, 没有, 嗯, 嗯嗯, 哦, 哈哈
ar: مرحبا, مرحبًا, مرحبا بك, أهلا, أهلا وسهلا, اهلا, اهلا وسهلا, السلام عليكم, سلام عليكم, وعليكم السلام, سلام,
    السلام عليكم ورحمة الله, السلام عليكم ورحمة الله وبركاته, صباح الخير, صباح النور, مساء الخير, مساء النور,
    تصبح على خير, مع السلامة, إلى اللقاء, الى اللقاء, شكرا, شكرا لك, شكرا لكم, شكرا جزيلا, شكرا كثيرا,
    شكرا على المساعدة, شكرا لمساعدتك, ألف شكر, جزاك الله خيرا, أشكرك, اشكرك, مشكور, ممتن, عفوا, العفو, حسنا, طيب,
    تمام, ممتاز, رائع, جيد, جيد جدا, جميل, فهمت, مفهوم, واضح, أوكي, اوكي, نعم, أجل, لا, صحيح, تم, أحسنت, تشرفنا
"""

_GREETINGS = """
en: hi, hey, hello, hiya, howdy, yo, good morning, good afternoon, good evening, good day, greetings, nice to meet you
de: hallo, guten morgen, guten tag, guten abend, moin, servus, grüezi, grüß dich, grüß gott, freut mich
fr: bonjour, bonsoir, salut, coucou, enchanté
es: hola, buenos días, buenas tardes, buenas noches, buenas, buen día, saludos, encantado, encantada, mucho gusto
it: ciao, salve, buongiorno, buon giorno, buonasera, buona sera, piacere
pt: olá, oi, bom dia, boa tarde, boa noite, prazer
nl: hoi, hé, goedemorgen, goede morgen, goedemiddag, goedenavond, goedendag, aangenaam
ru: привет, приветствую, здравствуй, здравствуйте, доброе утро, добрый день, добрый вечер, хай, очень приятно
pl: cześć, hej, hejka, siema, dzień dobry, dobry wieczór, witam, witaj, miło mi
ja: こんにちは, こんにちわ, こんばんは, おはよう, やあ, はじめまして
zh: 你好, 您好, 大家好, 嗨, 哈喽, 喂, 早, 早安, 早上好, 上午好, 中午好, 下午好, 晚上好
ar: مرحبا, أهلا, اهلا, السلام عليكم, سلام عليكم, سلام, صباح الخير, مساء الخير, تشرفنا
"""

_ASKED_OUT_OF_POLITENESS = """
en: how are you, how are you doing, how are you today, how is it going, hows it going, how do you do, whats up,
    what is up, sup, how have you been, are you there, you there
de: wie geht es dir, wie gehts, wie geht es, wie gehts dir, wie geht es ihnen, alles gut, alles klar bei dir,
    wie läufts, bist du da
fr: ça va, comment ça va, comment vas tu, comment allez vous, tu vas bien, vous allez bien, quoi de neuf, tu es là
es: qué tal, cómo estás, cómo está, cómo están, cómo te va, qué hay, todo bien, cómo va, estás ahí
it: come stai, come sta, come va, tutto bene, come state, che si dice, ci sei
pt: tudo bem, tudo bom, como vai, como está, como estás, como você está, como vai você, e aí, beleza, está aí
nl: hoe gaat het, hoe gaat het met je, hoe gaat het met u, alles goed, hoe is het, ben je er
ru: как дела, как ты, как у тебя дела, как поживаешь, как вы, как у вас дела, что нового, ты тут, ты здесь
pl: jak się masz, co słychać, jak leci, jak tam, co tam, wszystko w porządku, jesteś tam
ja: お元気ですか, 元気ですか, 元気, お元気, 調子はどう, 調子はどうですか
zh: 你好吗, 您好吗, 你好嗎, 最近怎么样, 你怎么样, 近来如何, 吃了吗, 在吗, 在嗎, 你在吗
ar: كيف حالك, كيف الحال, كيفك, كيف حالكم, شلونك, إزيك, ازيك, كيف أنت, هل أنت هنا
"""

_ADDED = """
magpie, bot, dear, all, everyone, team, folks, guys, friend, mate, buddy, so, so much, very much, a lot, again,
then, now, too, also, and, oh, ah, wow, well, very, really, you, for that, for this, for it, for now, for the help,
for your help, for helping, for the answer, for the quick answer, for the info, for the information, to you,
that is, thats, its, it is, und, auch, ja, sehr, dir, euch, ihnen, zusammen, an alle, für die hilfe,
für die antwort, für die schnelle antwort, für die info, et, à tous, à toutes, tout le monde, vous, toi,
pour la réponse, pour l info, y, a todos, a todas, todos, por la respuesta, por la información, e, a tutti, tutti,
per la risposta, per linformazione, pessoal, gente, pela resposta, pela ajuda, en, allemaal, iedereen,
voor het antwoord, voor de info, и, всем, вам, тебе, за ответ, за помощь, большое, i, wszystkim, ci, bardzo,
za odpowiedź, za pomoc, です, ね, よ, さん, みなさん, 皆さん, 教えてくれて, 教えていただき, 啊, 呀, 哦, 啦, 了, 你,
您, 大家, 各位, 你的回答, 您的回答, و, جدا, لك, لكم, على الإجابة, يا
"""


def is_small_talk(text: str) -> bool:
    """Return whether a text only greets, thanks, agrees or says goodbye, so that there is nothing to search for.

    A text without words is small talk if it is a smiley. A question mark is only part of small talk in a phrase such as
    "how are you?".
    """
    bare = _EMOJI.sub(" ", text)
    if len(text) > _LONGEST or any(character.isnumeric() for character in bare if character not in _NUMERAL_LETTERS):
        return False
    has_smiley = bare != text or any(unicodedata.category(character) == "So" for character in bare)
    is_question = not _QUESTION_MARKS.isdisjoint(bare)
    words = words_of(bare)
    if not words:
        return has_smiley and not is_question
    return _consists_of_phrases(words, polite=is_question)


def is_greeting(text: str) -> bool:
    """Return whether small talk begins with a greeting, or asks how Magpie is."""
    words = words_of(_EMOJI.sub(" ", text))
    is_asked = not _QUESTION_MARKS.isdisjoint(text)
    return is_asked or any(words[: len(phrase)] == phrase for phrase in _GREETED)


def _consists_of_phrases(words: Phrase, *, polite: bool) -> bool:
    """Return whether words are a sequence of phrases, one of which says something; if `polite`, one that asks."""
    # For each number of words at the beginning: whether they are such a sequence, and whether it says something.
    reached: dict[int, bool] = {0: False}
    for start in range(len(words)):
        if start not in reached:
            continue
        for phrase in PHRASES.get(words[start], ()):
            end = start + len(phrase)
            if words[start:end] == phrase:
                says = phrase in _POLITE or (not polite and phrase in _SAYING)
                reached[end] = reached.get(end, False) or reached[start] or says
    return reached.get(len(words), False)


def words_of(text: str) -> Phrase:
    """Return the words of a text, without case and accents, which many people leave out."""
    letters = unicodedata.normalize("NFKD", text.translate(_IGNORED)).casefold()
    return tuple(_WORD.findall("".join(letter for letter in letters if unicodedata.category(letter) != "Mn")))


def phrases_of(table: str) -> Iterator[Phrase]:
    """Yield the phrases of a table: separated by commas, one group of lines for each language."""
    for line in re.split(r"\n(?=\w\w: )", table.strip()):
        for phrase in line[4:].split(",") if line[2:4] == ": " else line.split(","):
            yield words_of(phrase)


def _by_first_word(phrases: Iterable[Phrase]) -> MappingProxyType[str, tuple[Phrase, ...]]:
    found: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        found.setdefault(phrase[0], []).append(phrase)
    return MappingProxyType({word: tuple(same) for word, same in found.items()})


_NUMERAL_LETTERS = frozenset("一二三四五六七八九十百千万")
_POLITE = frozenset(phrases_of(_ASKED_OUT_OF_POLITENESS))
_GREETED = frozenset(phrases_of(_GREETINGS))
_SAYING = frozenset(phrases_of(_SAID))
PHRASES = _by_first_word(_POLITE | _SAYING | frozenset(phrases_of(_ADDED)))
