"""Questions that only point at what stands in their thread: "can you answer this?", "which page is this?". Pure.

Twelve languages, like `small_talk`.
"""

from __future__ import annotations

import re
import unicodedata

from bot.answers.small_talk import PHRASES, Phrase, phrases_of, words_of

_LONGEST = 160
"""Characters of the longest text that can point at something."""

_ANSWER_THIS = """
en: answer, answer this, answer that, answer it, answer this one, answer this question, answer the question, answer
    his question, answer her question, answer their question, answer my question, answer the question above, can you
    answer, can you answer this, can you answer that, can you answer it, can you answer this question, can you answer
    that question, can you answer the question, can you answer his question, can you answer her question, can you
    answer their question, can you answer my question, can you answer the question above, could you answer, could you
    answer this, could you answer that, could you answer it, could you answer the question, could you answer this
    question, can you help, can you help here, can you help with this, can you help with that, can you help him, can
    you help her, can you help them, can you help us, can you help me, could you help, could you help here, could you
    help with this, help, help here, help us, help him, help her, help them, any idea, any ideas, any clue, any
    thoughts, thoughts, do you know, do you know this, do you know that, do you know the answer, do you know it, you
    know this, know this, what do you think, what about this, what about this one, what about it, what about that,
    what is the answer, whats the answer, can you take this, can you take this one, can you check, can you check this,
    can you look, can you look at this, can you look into this, can you look this up, can you find this, can you find
    it, can you find out, can you find the answer, can you tell us, can you tell him, can you tell her, can you tell
    them, see above, this, this one, above
de: kannst du das beantworten, kannst du diese frage beantworten, kannst du die frage beantworten, kannst du seine
    frage beantworten, kannst du ihre frage beantworten, kannst du meine frage beantworten, kannst du das bitte
    beantworten, könntest du das beantworten, könntest du die frage beantworten, können sie das beantworten, können
    sie die frage beantworten, beantworte das, beantworte die frage, beantworte diese frage, kannst du helfen, kannst
    du hier helfen, kannst du dabei helfen, kannst du ihm helfen, kannst du ihr helfen, kannst du uns helfen, kannst
    du mir helfen, können sie helfen, hilfe, hilf, weißt du das, weisst du das, weißt du es, weißt du was, weißt du
    die antwort, weißt du mehr, hast du eine idee, eine idee, ideen, irgendeine idee, irgendwelche ideen, was meinst
    du, was meinst du dazu, was sagst du dazu, was ist die antwort, kannst du das finden, kannst du das prüfen, kannst
    du mal schauen, kannst du nachsehen, kannst du nachschauen, kannst du das nachsehen, siehe oben, das, diese frage
fr: peux tu répondre, peux tu répondre à ça, peux tu répondre à cela, peux tu répondre à ceci, peux tu répondre à
    cette question, peux tu répondre à la question, peux tu répondre à sa question, peux tu y répondre, tu peux
    répondre, tu peux répondre à ça, tu peux y répondre, tu peux répondre à la question, pouvez vous répondre, pouvez
    vous répondre à cette question, pouvez vous répondre à la question, pouvez vous y répondre, pourrais tu répondre,
    pourrais tu y répondre, pourriez vous répondre, réponds, réponds à ça, réponds à la question, peux tu aider, peux
    tu nous aider, peux tu l aider, peux tu laider, peux tu m aider, peux tu maider, tu peux aider, tu peux nous
    aider, pouvez vous aider, pouvez vous nous aider, une idée, des idées, tu sais, tu le sais, sais tu, le sais tu,
    tu connais la réponse, connais tu la réponse, qu en penses tu, quen penses tu, quelle est la réponse, tu peux
    regarder, peux tu vérifier, voir ci dessus, ça
es: puedes responder, puedes responder esto, puedes responder a esto, puedes responder eso, puedes responder esta
    pregunta, puedes responder a esta pregunta, puedes responder la pregunta, puedes responder a la pregunta, puedes
    responder su pregunta, puedes contestar, puedes contestar esto, puedes contestar la pregunta, puedes contestar
    esta pregunta, podrías responder, podrías responder esto, podrías responder la pregunta, puede responder, puede
    responder esto, responde, responde esto, responde la pregunta, contesta, puedes ayudar, puedes ayudarnos, puedes
    ayudarlo, puedes ayudarla, puedes ayudarle, puedes ayudarme, puedes ayudar con esto, ayuda, alguna idea, alguna
    sugerencia, sabes, sabes esto, lo sabes, sabes la respuesta, qué opinas, qué piensas, cuál es la respuesta, puedes
    mirar, puedes mirarlo, puedes comprobarlo, ver arriba, esto
it: puoi rispondere, puoi rispondere a questo, puoi rispondere a questa domanda, puoi rispondere alla domanda, puoi
    rispondere alla sua domanda, puoi rispondergli, puoi risponderle, puoi rispondere tu, sai rispondere, sai
    rispondere a questo, sai rispondere a questa domanda, potresti rispondere, potresti rispondere a questo, potresti
    rispondere alla domanda, può rispondere, rispondi, rispondi a questo, rispondi alla domanda, puoi aiutare, puoi
    aiutarci, puoi aiutarlo, puoi aiutarla, puoi aiutarmi, aiuto, qualche idea, idee, lo sai, sai la risposta, conosci
    la risposta, che ne pensi, cosa ne pensi, qual è la risposta, puoi controllare, puoi guardare, vedi sopra, questo,
    questa
pt: pode responder, pode responder isso, pode responder isto, pode responder a isso, pode responder a isto, pode
    responder a pergunta, pode responder à pergunta, pode responder esta pergunta, pode responder essa pergunta, pode
    responder a esta pergunta, pode responder a essa pergunta, você pode responder, você pode responder isso, você
    pode responder a isso, você pode responder a pergunta, você pode responder essa pergunta, consegue responder,
    consegue responder a isto, consegues responder, consegues responder a isto, podes responder, podes responder a
    isto, podes responder à pergunta, podes responder a esta pergunta, poderia responder, responde, responda, responda
    isso, pode ajudar, pode nos ajudar, pode ajudá lo, você pode ajudar, podes ajudar, ajuda, alguma ideia, alguma
    sugestão, sabe, sabe isso, você sabe, você sabe isso, sabes, sabe a resposta, o que acha, o que você acha, o que
    achas, qual é a resposta, pode verificar, podes verificar, veja acima, isso, isto
nl: kun je dit beantwoorden, kun je dat beantwoorden, kun je deze vraag beantwoorden, kun je die vraag beantwoorden,
    kun je de vraag beantwoorden, kan je dit beantwoorden, kan je deze vraag beantwoorden, kan je de vraag
    beantwoorden, kunt u dit beantwoorden, kunt u deze vraag beantwoorden, kunt u de vraag beantwoorden, zou je dit
    kunnen beantwoorden, beantwoord dit, beantwoord de vraag, beantwoord deze vraag, kun je helpen, kun je hiermee
    helpen, kun je hem helpen, kun je haar helpen, kun je ons helpen, kan je helpen, kunt u helpen, help, enig idee,
    een idee, ideeën, weet je dit, weet je dat, weet jij dit, weet jij dat, weet je het, weet jij het, weet je het
    antwoord, wat denk je, wat vind je, wat is het antwoord, kun je kijken, kun je dit nakijken, zie boven, dit
ru: можешь ответить, можешь ответить на это, можешь ответить на этот вопрос, можешь ответить на вопрос, можешь
    ответить на его вопрос, можешь ответить на её вопрос, можете ответить, можете ответить на это, можете ответить на
    этот вопрос, можете ответить на вопрос, ты можешь ответить, ты можешь ответить на это, ты можешь ответить на
    вопрос, вы можете ответить, сможешь ответить, ответь, ответь на это, ответь на вопрос, ответьте, ответьте на
    вопрос, можешь помочь, можете помочь, ты можешь помочь, помоги, помогите, есть идеи, какие идеи, идеи, знаешь, ты
    знаешь, ты знаешь ответ, знаешь ответ, вы знаете, что думаешь, что скажешь, какой ответ, можешь проверить, можешь
    посмотреть, см выше, это
pl: możesz odpowiedzieć, możesz na to odpowiedzieć, możesz odpowiedzieć na to, możesz odpowiedzieć na to pytanie,
    możesz odpowiedzieć na pytanie, możesz odpowiedzieć na jego pytanie, możesz odpowiedzieć na jej pytanie, czy
    możesz odpowiedzieć, czy możesz na to odpowiedzieć, czy możesz odpowiedzieć na to pytanie, czy możesz odpowiedzieć
    na pytanie, czy możesz odpowiedzieć na to, umiesz odpowiedzieć, potrafisz odpowiedzieć, potrafisz na to
    odpowiedzieć, odpowiedz, odpowiedz na to, odpowiedz na pytanie, odpowiedz na to pytanie, możesz pomóc, czy możesz
    pomóc, możesz nam pomóc, możesz mu pomóc, możesz jej pomóc, pomóż, pomocy, jakieś pomysły, jakiś pomysł, masz
    pomysł, wiesz, wiesz to, znasz odpowiedź, co myślisz, co o tym myślisz, co o tym sądzisz, jaka jest odpowiedź,
    możesz sprawdzić, czy możesz sprawdzić, możesz to sprawdzić, patrz wyżej, to
ja: これに答えて, これに答えてください, これに答えてくれますか, これに答えられますか, 答えて,
    答えてください, 答えてくれますか, 答えられますか, 答えてもらえますか, 質問に答えて,
    質問に答えてください, この質問に答えて, この質問に答えてください, この質問に答えられますか,
    この質問に答えてくれますか, この質問に答えてもらえますか, 回答して, 回答してください, 回答お願いします,
    回答できますか, これに回答できますか, この質問に回答できますか, 回答をお願いします, 教えて,
    教えてください, これを教えて, これを教えてください, わかりますか, 分かりますか, これわかりますか,
    これはわかりますか, これ分かりますか, 手伝って, 手伝ってください, 手伝ってくれますか, 助けて,
    助けてください, どう思いますか, どう思う, お願い, 上の質問に答えて, 上の質問に答えてください, これ
zh: 你能回答吗, 你能回答这个吗, 你能回答这个问题吗, 能回答吗, 能回答这个吗, 能回答这个问题吗,
    可以回答吗, 可以回答这个吗, 可以回答这个问题吗, 你可以回答吗, 你可以回答这个吗, 你可以回答这个问题吗,
    请回答, 请回答这个问题, 请回答一下, 回答, 回答一下, 回答这个, 回答这个问题, 回答上面的问题,
    帮忙回答, 帮忙回答一下, 你能帮忙吗, 能帮忙吗, 可以帮忙吗, 帮忙, 帮帮忙, 帮忙看看, 帮忙看一下,
    你能帮他吗, 你能帮她吗, 你知道吗, 知道吗, 你知道答案吗, 知道答案吗, 你怎么看, 怎么看,
    有什么想法吗, 有想法吗, 答案是什么, 看看这个, 看上面, 这个, 你能回答這個嗎, 你能回答這個問題嗎,
    能回答這個問題嗎, 可以回答這個問題嗎, 請回答, 請回答這個問題, 你知道嗎, 這個
ar: هل يمكنك الإجابة, هل يمكنك الإجابة على هذا, هل يمكنك الإجابة على هذا السؤال, هل يمكنك الإجابة على السؤال, هل يمكنك
    الإجابة عن هذا, هل يمكنك الإجابة عن هذا السؤال, هل يمكنك الإجابة عن السؤال, هل تستطيع الإجابة, هل تستطيع الإجابة
    على هذا, هل تستطيع الإجابة على هذا السؤال, هل تستطيع الإجابة عن هذا السؤال, هل تستطيع أن تجيب, هل يمكنك أن تجيب,
    هل يمكنك أن تجيب على هذا, أجب, أجب عن هذا, أجب على هذا, أجب على السؤال, أجب عن السؤال, أجب على هذا السؤال, أجب عن
    هذا السؤال, هل يمكنك المساعدة, هل تستطيع المساعدة, هل يمكنك مساعدته, هل يمكنك مساعدتنا, ساعدنا, ساعد, ساعدني, أي
    فكرة, هل لديك فكرة, هل تعرف, هل تعرف هذا, هل تعرف الإجابة, هل تعرف الجواب, ما رأيك, ما هي الإجابة, ما الإجابة, ما
    الجواب, هل يمكنك التحقق, هذا
"""

_FILLERS = """
please, pls, plz, kindly, here, maybe, by any chance, for me, for us, for him, for her, for them, bitte, mal,
hier, vielleicht, s il te plaît, s il vous plaît, sil te plaît, sil vous plaît, stp, svp, ici, por favor, aquí, aqui,
per favore, per piacere, qui, alstublieft, alsjeblieft, aub, hier, пожалуйста, здесь, тут, proszę, tutaj, tu,
お願いします, ください, 请, 請, 吧, 一下, من فضلك, لو سمحت, رجاء, هنا
"""

_PAGES = re.compile(
    r"\b(?:page|pages|slide|document|file|seite|folie|dokument|datei|fichier|pagina|pagine|diapositiva|archivo"
    r"|documento|arquivo|ficheiro|bladzijde|dia|bestand|страниц\w*|слайд\w*|документ\w*|файл\w*|stron\w*|slajd\w*|plik\w*"
    r")\b|ページ|頁|页|スライド|幻灯片|文件|文档|صفحة|الصفحة|شريحة|مستند|ملف"
)
_THIS = re.compile(
    r"\b(?:this|that|these|it|here|screenshot|picture|image|das|dies\w*|hier|bild|ce|cette|cet|ca|ici|capture|est ce"
    r"|esta|este|esto|esa|eso|aqui|captura|imagen|questa|questo|qui|schermata|immagine|isto|isso|essa|imagem|dit|deze"
    r"|dat|afbeelding|это\w*|эта|этот|этой|скриншот\w*|картинк\w*|to|ta|ten|tej|zrzut\w*|obraz\w*)\b"
    r"|これ|この|ここ|画像|スクリーンショット|这|這|此|图|截图|هذا|هذه"
)
_ABOUT = re.compile(
    r"\b(?:expla\w+|descri\w+|says?|mean\w*|fix\w*|solv\w+|resolv\w+|repair\w*|handl\w+|discuss\w*|why"
    r"|how (?:to|do|can)"
    r"|erklar\w+|beschreib\w+|bedeut\w+|beheb\w+|behoben|warum|wieso|expli\w+|decri\w+|signifi\w+|corrig\w+|resou\w+"
    r"|pourquoi|arregl\w+|resuelv\w+|soluci\w+|por que|spieg\w+|risolv\w+|perche|legt|uitleg\w*|uitgelegd"
    r"|beschrijf\w*|betekent|oploss\w*|waarom|объясн\w+|описыва\w+|описан\w*|означа\w+|исправ\w+|решени\w+|почему"
    r"|wyjasnia\w*|opisuj\w*|oznacza\w*|napraw\w+|rozwiaz\w+|dlaczego)\b"
    r"|説明|意味|解決|対処|直し方|直す|方法|なぜ|解释|說明|说明|解釋|意思|解决|解決|怎么|怎麼|为什么|為什麼"
    r"|تشرح|يشرح|شرح|تفسر|يفسر|يعني|معنى|إصلاح|لماذا"
)
"""Words of questions about what a picture shows: their answer is on a page that explains it, not on the one shown."""
_WORDS_OF_PAGE_QUESTION = 12


def points_at_thread(text: str) -> bool:
    """Return whether a text asks nothing itself, only to answer what was said: "can you answer this, please?"."""
    words = words_of(text)
    if len(text) > _LONGEST or not words:
        return False
    # For each number of words at the beginning: whether they consist of phrases, and whether one of them points.
    reached: dict[int, bool] = {0: False}
    for start in range(len(words)):
        if start not in reached:
            continue
        first = words[start]
        for phrase in (*_POINTING.get(first, ()), *_FILLING.get(first, ()), *PHRASES.get(first, ())):
            end = start + len(phrase)
            if words[start:end] == phrase:
                points = reached[start] or phrase in _POINTERS
                reached[end] = reached.get(end, False) or points
    return reached.get(len(words), False)


def asks_for_page(text: str) -> bool:
    """Return whether a text asks which page or file a picture shows: "which page is this?".

    "Which page explains this?" asks for another page.
    """
    if len(text) > _LONGEST or len(text.split()) > _WORDS_OF_PAGE_QUESTION:
        return False
    forms = (text.casefold(), _without_accents(text))
    return any(_PAGES.search(form) and _THIS.search(form) for form in forms) and not any(map(_ABOUT.search, forms))


def _without_accents(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Mn").replace("-", " ")


def _by_first_word(phrases: frozenset[Phrase]) -> dict[str, tuple[Phrase, ...]]:
    first_words = {phrase[0] for phrase in phrases}
    return {word: tuple(phrase for phrase in phrases if phrase[0] == word) for word in first_words}


_POINTERS = frozenset(phrases_of(_ANSWER_THIS))
_POINTING = _by_first_word(_POINTERS)
_FILLING = _by_first_word(frozenset(phrases_of(_FILLERS)))
