"""Phrases of questions about a whole document, by language: what asks for an overview, and what may stand beside it."""

from __future__ import annotations

from collections.abc import Mapping

ASKING: Mapping[str, str] = {
    "en": "summarize, summarise, sum up, sum it up, recap, summary, overview, gist, key points, main points,"
    " key takeaways, takeaways, tl dr, tldr, what is * about, what s * about, whats * about, what are * about,"
    " what this is about, what it is about, what is the topic, what does * say, what does * contain,"
    " what does * cover, what is in, what s in, whats in, in a nutshell",
    "de": "fasse zusammen, fass zusammen, fasse, fass, zusammenfassen, zusammenfassung, überblick, worum geht es,"
    " um was geht es, worum geht, wovon handelt, was steht, wichtigsten punkte, kernaussagen, was sagt",
    "fr": "résume, résumer, résumez, résumé, synthèse, aperçu, de quoi parle, de quoi s agit il, de quoi ça parle,"
    " de quoi traite, de quoi il s agit, que dit, que contient, qu y a t il dans, points clés, points essentiels",
    "es": "resume, resumir, resumen, resúmeme, sinopsis, de qué trata, de qué va, de qué se trata, de qué habla,"
    " qué dice, qué contiene, qué hay en, puntos clave, puntos principales",
    "it": "riassumi, riassumere, riassumimi, riassunto, sintesi, di cosa parla, di che cosa parla, di cosa tratta,"
    " di che parla, cosa dice, che cosa dice, cosa contiene, cosa c è, punti chiave, punti principali",
    "pt": "resuma, resumir, resumo, resume, síntese, do que se trata, de que se trata, do que trata, de que trata,"
    " sobre o que é, do que fala, o que diz, o que contém, o que há em, pontos principais, pontos chave",
    "nl": "vat samen, vat, samenvatten, samenvatting, overzicht, waar gaat * over, waarover gaat, wat staat,"
    " hoofdpunten, belangrijkste punten",
    "pl": "podsumuj, streść, podsumowanie, streszczenie, przegląd, o czym jest, o czym to jest, o czym mówi, o czym,"
    " co zawiera, co jest w, najważniejsze punkty, główne punkty",
    "ru": "резюмируй, суммируй, обобщи, изложи, краткое содержание, содержание, резюме, обзор, сводка, перескажи,"
    " о чём, о чем, что содержит, что говорится в, основные моменты, главные тезисы, ключевые пункты",
    "ja": "要約, まとめ, 概要, 内容, 何について, 何が書",
    "zh": "总结, 總結, 概括, 摘要, 概述, 概要, 归纳, 歸納, 简述, 簡述, 讲了什么, 講了什麼, 讲的是什么,"
    " 講的是什麼, 说了什么, 說了什麼, 关于什么, 關於什麼, 内容, 內容",
}
"""One of these must occur; other words may stand at a star."""

BESIDE: Mapping[str, str] = {
    "en": "please, can you, could you, would you, will you, give me, give us, write, make, i need, i want, show me,"
    " tell me, short, brief, quick, briefly, in short, in one sentence, in a few sentences, in five sentences, me, us,"
    " a, an, the, of, from, for, in, this, that, it, is, all, what, are, and, up, here,"
    " above, contents, content",
    "de": "bitte, kannst du, könntest du, können sie, gib mir, gib uns, schreib, mach, kurz, kurze, kurzen, mir, uns,"
    " ein, eine, einen, der, die, das, den, dem, des, dies, diese, dieses, diesem, dieser, diesen, von, vom, zu,"
    " zum, aus, in, im, es, da, drin, zusammen, was, sind, hier, oben, inhalt",
    "fr": "s il te plaît, s il vous plaît, peux tu, pouvez vous, peux tu me, fais, fais moi, faites, donne moi, un,"
    " une, le, la, les, l, du, de, des, d, dans, ce, cet, cette, ça, moi, nous, court, courte, bref, brièvement, quels,"
    " sont, ici, contenu, me",
    "es": "por favor, puedes, puede, podrías, haz, hazme, dame, un, una, el, la, los, las, del, de, en, este, esta,"
    " esto, ese, breve, brevemente, corto, me, cuáles son, aquí, contenido",
    "it": "per favore, puoi, potresti, fai, fammi, dammi, un, una, il, lo, la, i, gli, le, l, del, della, di, nel,"
    " nella, questo, questa, quest, breve, brevemente, mi, ci, quali sono, qui, contenuto",
    "pt": "por favor, pode, poderia, podes, faça, faz, dê, me dê, um, uma, o, a, os, as, do, da, de, no, na, em, este,"
    " esta, isto, isso, neste, nesta, deste, desta, breve, brevemente, me, quais são, aqui, conteúdo, se",
    "nl": "alsjeblieft, graag, kun je, kan je, kunt u, geef, geef me, maak, een, de, het, van, in, dit, deze, dat, er,"
    " over, samen, kort, korte, me, ons, mij, wat zijn, hier, inhoud",
    "pl": "proszę, czy możesz, możesz, zrób, daj, mi, nam, krótko, krótkie, ten, ta, to, tego, tej, tym, w, z, jest,"
    " jakie są, tutaj, treść",
    "ru": "пожалуйста, можешь, можете, сделай, дай, мне, нам, кратко, краткое, краткий, этот, это, этого, этом, эта,"
    " эту, этой, в, говорится, тут, здесь, какие",
    "ja": "して, ください, くれますか, 教えて, を, は, の, に, が, で, この, これ, その, です, か, いて, かれて,"
    " あります, います, いてあります, かれています, 資料, 文書, 何, お願いします, 短く",
    "zh": "请, 請, 帮我, 幫我, 帮, 一下, 这个, 這個, 这份, 這份, 这篇, 這篇, 这, 這, 的, 了, 是, 什么, 什麼,"
    " 主要, 给我, 給我, 下",
}
"""Words without a subject of their own. Articles, pronouns, and words for files are in limit_words, too."""
