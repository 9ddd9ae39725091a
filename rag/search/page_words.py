"""How languages name a page: "page 7", "auf der siebten Seite", "на 7 странице", "página siete"."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageWords:
    """The words of one language, in any case, with or without accents.

    - `pages`: page and slide, in the forms that stand beside a number
    - `short`: abbreviations before a number
    - `numbered`: forms after a plain number; the others after one are a count, as in "7 pages"
    - `cardinals`: one, two, … after a form of `pages`; "-" for a number that is also the article
    - `ordinals`: how first, second, … begin, before or after a form of `pages`; variants are separated by a slash
    - `last`, `next_to_last`: how last, and last but one, begin
    """

    pages: str
    short: str = ""
    numbered: str = ""
    cardinals: str = ""
    ordinals: str = ""
    last: str = ""
    next_to_last: str = ""


LANGUAGES: tuple[PageWords, ...] = (
    PageWords(  # English
        pages="page pages slide slides",
        short="p. pp. pg. pg",
        cardinals="one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen twenty",
        ordinals="first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
        last="last final",
        next_to_last="penultimate",
    ),
    PageWords(  # German
        pages="seite seiten folie folien",
        short="s.",
        cardinals="eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn"
        " sechzehn siebzehn achtzehn neunzehn zwanzig",
        ordinals="erste zweite dritte vierte fünfte/fuenfte sechste siebte/siebente achte neunte zehnte elfte zwölfte",
        last="letzte",
        next_to_last="vorletzte",
    ),
    PageWords(  # French
        pages="page pages diapositive diapositives",
        short="p. pp.",
        cardinals="- deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize",
        ordinals="premièr deuxième/second troisième quatrième cinquième sixième septième huitième neuvième dixième",
        last="dernièr",
        next_to_last="avant-dernièr",
    ),
    PageWords(  # Spanish
        pages="página páginas diapositiva diapositivas",
        short="pág. págs. p.",
        cardinals="uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince",
        ordinals="primer segund tercer cuart quint sext séptim octav noven décim",
        last="últim",
        next_to_last="penúltim",
    ),
    PageWords(  # Italian
        pages="pagina pagine diapositiva diapositive",
        short="pag. pagg. p.",
        cardinals="- due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici",
        ordinals="prim second terz quart quint sest settim ottav nona/nono decim",
        last="ultim",
        next_to_last="penultim",
    ),
    PageWords(  # Portuguese
        pages="página páginas eslaide",
        short="pág. págs. p.",
        cardinals="- dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze",
        ordinals="primeir segund terceir quart quint sext sétim oitav nona/nono décim",
        last="últim",
        next_to_last="penúltim",
    ),
    PageWords(  # Dutch
        pages="pagina pagina's bladzijde bladzijden bladzij",
        short="blz. pag. p.",
        cardinals="- twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien",
        ordinals="eerste tweede derde vierde vijfde zesde zevende achtste negende tiende",
        last="laatste",
        next_to_last="voorlaatste",
    ),
    PageWords(  # Polish
        pages="strona stronie stronę strony slajd slajdzie",
        short="str. s.",
        cardinals="jeden dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście",
        ordinals="pierwsz drug trzeci czwart piąt szóst siódm ósm dziewiąt dziesiąt",
        last="ostatni",
        next_to_last="przedostatni",
    ),
    PageWords(  # Russian
        pages="страница странице страницу страницы слайд слайде",
        short="стр. с.",
        numbered="странице страницу страница слайде",
        cardinals="один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать",
        ordinals="перв втор трет четверт пят шест седьм восьм девят десят",
        last="последн",
        next_to_last="предпоследн",
    ),
    PageWords(  # Ukrainian
        pages="сторінка сторінці сторінку сторінки слайд слайді",
        short="стор. с.",
        numbered="сторінці сторінку сторінка слайді",
        ordinals="перш друг трет четверт п'ят шост сьом восьм дев'ят десят",
        last="останн",
        next_to_last="передостанн",
    ),
    PageWords(  # Czech
        pages="strana straně stranu stránka stránce stránku",
        short="str. s.",
        ordinals="první druh třetí čtvrt pát šest sedm osm devát desát",
        last="posledn",
        next_to_last="předposledn",
    ),
    PageWords(  # Swedish
        pages="sida sidan",
        short="sid. s.",
        cardinals="- två tre fyra fem sex sju åtta nio tio",
        ordinals="först andra tredje fjärde femte sjätte sjunde åttonde nionde tionde",
        last="sista",
    ),
    PageWords(  # Danish and Norwegian
        pages="side siden",
        short="s.",
        cardinals="- to tre fire fem seks syv/sju otte/åtte ni ti",
        ordinals="først anden/andre tredje fjerde femte sjette syvende/sjuende ottende/åttende niende tiende",
        last="sidste siste",
    ),
    PageWords(  # Turkish
        pages="sayfa sayfada sayfası sayfasında sayfasındaki sayfadaki",
        short="s.",
        cardinals="- iki üç dört beş altı yedi sekiz dokuz",
        ordinals="birinci/ilk ikinci üçüncü dördüncü beşinci altıncı yedinci sekizinci dokuzuncu onuncu",
        last="son",
    ),
    PageWords("sivu sivulla sivun sivulta", "s.", last="viimei"),  # Finnish
    PageWords("oldal oldalon oldalán", last="utolsó"),  # Hungarian
    PageWords("pagină pagina", "pag.", last="ultim", ordinals="prim"),  # Romanian
    PageWords("σελίδα σελίδας", "σελ. σ.", last="τελευταία", ordinals="πρώτη δεύτερη τρίτη τέταρτη πέμπτη"),  # Greek
    PageWords("trang", "tr."),  # Vietnamese
    PageWords("halaman", "hal. hlm."),  # Indonesian
    PageWords("صفحة الصفحة", "ص"),  # Arabic
    PageWords("עמוד בעמוד", "עמ' בעמ'"),  # Hebrew
    PageWords("पृष्ठ पेज"),  # Hindi
    PageWords("หน้า หน้าที่"),  # Thai
)
"""Languages that write the page as a word of its own."""

JOINED = "ページ 頁 页 枚目 張投影片 张幻灯片 쪽 페이지 슬라이드"
"""Page and slide in Chinese, Japanese and Korean, which join them to the number."""

FIRST, LAST = "最初の 首 첫 첫번째", "最後の 最終 最后一 最後一 末 마지막"
"""First and last, before one of these."""
