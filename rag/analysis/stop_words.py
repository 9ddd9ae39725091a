"""Words of each language that say little about what a question asks for. A search leaves them out
if others remain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rag.analysis.letters import fold
from rag.text import STOP_WORDS

_LISTED: Mapping[str, str] = {
    "ar": """في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين ما ماذا متى أين كيف لماذا لم لن لا إن
    أن ان كان كانت يكون هل هو هي هم نحن أنا أنت كل بعض أو او ثم قد بين عند عندما حتى كم أي هناك بعد قبل تم
    إذا غير أريد يمكن يجب فيها فيه منه منها له لها به بها""",
    "bg": """и в на за от с се да не е са по до като при че ще който която което които какво как къде кога
    защо колко той тя то те аз ние вие този тази това тези му му ѝ им си ли или но ако само след преди между
    има няма беше бъде може трябва""",
    "ca": """el la els les un una uns unes de del dels a al als en per amb i o que qui què com quan on quin
    quina quins quines és són ser està hi ha no es se em et li ho si més molt jo tu ell ella nosaltres seu
    seva aquest aquesta això sobre entre fins""",
    "cs": """a i v ve na do z ze s se k ke o u za po pro při od že který která které kteří co jak kde kdy
    proč kdo jaký jaká jaké kolik je jsou být byl byla bylo by není to ten ta tyto tento tato si jeho její
    jejich mi my vy on ona oni já ale nebo jen již také pokud mohu může musí má mají můj""",
    "da": """og i at det den de der en et er var som på med til af for fra om ikke kan skal vil har havde
    blev bliver hvad hvem hvor hvordan hvornår hvorfor hvilken hvilket hvilke hvis jeg du han hun vi man mig
    dig sig min din sin os dem jer eller men så også efter under over ved når denne dette disse mange meget""",
    "de": """aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin
    bis bist da dabei damit dann das dass daß dein deine dem den denn der des dessen dich die dies diese
    diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch
    euer eure für gegen gibt hab habe haben hat hatte hatten hier ich ihm ihn ihnen ihr ihre ihrem ihren
    ihrer im in ins ist ja jede jedem jeden jeder jedes jener kann kannst kein keine keinem keinen keiner
    können könnte man mein meine meinem meinen meiner mich mir mit muss muß müssen nach nicht noch nun nur
    ob oder ohne sehr sein seine seinem seinen seiner seit sich sie sind so soll sollte sollten sondern
    sonst über um und uns unser unsere unter viel viele vom von vor wann war waren warum was welche welchem
    welchen welcher welches wem wen wenn wer werde werden wessen wie wieder wieso will wir wird wirst wo
    wofür woher wohin womit worden wozu wurde wurden würde zu zum zur zwischen bitte darf dürfen mehr""",
    "el": """ο η το οι τα του της των τον την τους τις στο στη στην στον στα στις στους σε με από για και ή
    να θα δεν μη μην είναι ήταν που πως πώς πού πότε γιατί τι ποιος ποια ποιο ποιοι ποιες πόσο πόσα αν όπως
    αυτό αυτή αυτός αυτά ένα ένας μια μία εγώ εσύ μας σας μου σου κάθε έχει έχουν πρέπει μπορώ μπορεί""",
    "es": """a al algo ante antes así aún aunque bien cada como cómo con contra cual cuál cuales cuáles
    cuando cuándo cuánta cuántas cuánto cuántos de del desde donde dónde dos durante e el él ella ellas
    ellos en entre era eran es esa ese eso esta está estaba están estar estas este esto estos fue fueron ha
    había han hasta hay la las le les lo los más me mi mis mucho muy nada ni no nos nosotros o os otra otro
    otros para pero poco por porque puede pueden puedo que qué quien quién quienes quiénes se sea ser si sí
    sin sobre son su sus también tan tanto te tener tengo tiene tienen todo todos tras tu tus un una unas
    uno unos usted y ya yo debe debo hacer hace""",
    "et": """ja ei on oli et see kes mis kus kuidas millal miks kui ka või aga ma sa ta me te nad oma selle
    seda need milline millised kas mida palju üks olema saab tuleb peab""",
    "fa": """و در به از که این آن با را برای است بود شد می شود چه کی کجا چگونه چرا چند چیست کدام آیا یا اگر
    تا هر هم نیز من تو او ما شما آنها بر یک ها های خود باید کرد کند""",
    "fi": """ja on ei että se ne mikä mitä missä mistä mihin milloin miksi miten kuka ketkä kuinka onko ovat
    oli olla tämä nämä tässä joka jotka jos kun niin kuin myös tai mutta vain minä sinä hän me te he minun
    sen sitä voi voiko pitää saa paljon monta mitkä millä jossa joita johon""",
    "fr": """a à ai ainsi alors après as au aucun aussi autre aux avant avec avoir c ça ce ceci cela celle
    celui ces cet cette ceux chaque chez ci combien comme comment d dans de déjà depuis des doit dois donc
    dont du elle elles en encore entre es est et étaient était étant être eu eux fait faire faut font hors
    ici il ils j je jusqu l la là le lequel laquelle les lesquels lesquelles leur leurs lui m ma mais me
    même mes moi mon n ne ni non nos notre nous on ont ou où par parmi pas peu peut peuvent peux plus pour
    pourquoi pouvoir puis qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont
    sous sur t ta te tes toi ton tous tout toute toutes très tu un une vers veux vos votre vous y""",
    "he": """של את על אל עם לא זה זאת זו אלה הוא היא הם הן אני אתה אנחנו מה מי איך איפה מתי למה כמה האם יש
    אין או גם כי אם כל רק עד אחרי לפני בין היה היתה הייתה יהיה להיות אשר ש ה ו ב ל כ מ אבל כדי איזה איזו
    אילו צריך אפשר""",
    "hi": """का की के को में से पर ने और है हैं था थी थे हो होता होती होते यह वह ये वे इस उस इन उन जो क्या
    कौन कब कहाँ कहां कैसे क्यों कितना कितने कितनी किस किसी कोई भी ही तो या एक तक कर करने करना करते लिए मैं
    हम आप तुम मेरा अपना अपने नहीं न मुझे द्वारा गया गई जाता जाती जाए सकता सकते""",
    "hr": """i u na za s sa od do iz po o je su bio bila biti nije da li što šta tko ko gdje kada kad kako
    zašto koji koja koje koliko se ne to taj ta ovaj ova ovo ja ti on ona mi vi oni ili ali ako samo još već
    pri prema između može mora ima""",
    "hu": """a az és egy hogy nem is van vannak volt lesz ez azt ezt mi mit ki kik hol mikor miért hogyan
    milyen mennyi hány melyik melyek de vagy ha csak már még el meg be le fel ki én te ő mi ti ők nekem neki
    kell lehet minden amely ami aki után előtt között szerint""",
    "id": """yang di ke dari dan atau untuk pada dengan adalah ini itu apa siapa kapan mana dimana bagaimana
    mengapa kenapa berapa tidak bukan saya kamu anda dia kami kita mereka ada akan sudah telah bisa dapat
    harus oleh dalam juga jika saat agar para sebuah apakah""",
    "it": """a ad agli ai al alcuni all alla alle allo anche avere c che chi ci come con cosa cui d da dagli
    dai dal dall dalla dalle dallo degli dei del dell della delle dello deve devo di dopo dove due e è ed
    era erano essere fa fare fra fu gli ha hanno ho i il in io la le lei li lo loro ma me mi mia mie miei
    mio molto ne negli nei nel nell nella nelle nello no noi non nostra nostro o ogni per perché perciò più
    poi poco posso può possono prima qual quale quali quando quanta quante quanti quanto quel quella quelle
    quelli quello questa queste questi questo qui se sei senza si sia sono su sua sue sugli sui sul sull
    sulla sulle sullo suo suoi te ti tra tu tua tuo tutti tutto un una uno vi voi""",
    "ja": """です ます した して する ある いる どう どの どれ どこ なに なぜ いつ だれ とき こと もの ため よう
    から まで など れる られ せる ない なる には では とは での
    への のは のが のを のに って った って いて てい れば ので でも しま まし せん すか です ると とき うに
    ような くだ ださ さい れて たら たい けば だけ には とき んな のか
    ます いま ても られ れた いた える ろう しょ ょう さん ずつ のよ うな すれ いか です にな った とな なっ""",
    "ko": """은 는 이 가 을 를 의 에 에서 와 과 도 로 으로 하고 무엇 어디 언제 어떻 떻게 누구 왜 어느 어떤 하는
    하나 나요 니다 습니 합니 입니 인가 가요 있는 있나 까요
    는지 한다 것은 것이 하면 해야 려면 하려""",
    "lt": """ir yra kad į iš su ne kas kaip kur kada kodėl kiek ar bet arba tai šis ši tas ta aš tu jis ji
    mes jūs jie buvo būti gali reikia per prie apie dėl nuo iki po už kuris kuri kurie""",
    "nl": """aan al alle als altijd ander andere ben bij daar dan dat de der deze die dit doch doen door dus
    een eens en er geen geweest haar had heb hebben heeft hem het hier hij hoe hoeveel hun iemand iets ik in
    is ja je kan kunnen maar me meer men met mij mijn moet moeten na naar niet niets nog nu of om omdat ons
    onze ook op over reeds te tegen toch toen tot u uit uw van veel voor waar waarom wanneer want waren was
    wat we wel welk welke werd wie wij wil word worden wordt zal ze zich zij zijn zo zonder zou mag jij jou
    jouw hun deze elk elke tussen""",
    "no": """og i jeg det at en et den til er som på de med han av ikke der så var meg seg men ett har om vi
    min mitt ha hadde hun nå over da ved fra du ut sin dem oss opp man kan hans hvor eller hva skal selv her
    alle vil bli ble blir blitt kunne inn når være kom noen noe ville dere deres etter for hvem hvilken
    hvilket hvilke hvordan hvorfor dette denne disse må mange mye også""",
    "pl": """a aby albo ale bardzo bez bo by być był była było były bym ci co czego czemu czy czyli dla do
    gdy gdzie go i ich ile im inne ja jak jaka jaką jaki jakie jakich jakim jako je jego jej jest jestem
    jeśli jeżeli już każdy kiedy kto kogo komu która którą które którego której który których którym którymi
    którzy lub ma mają mam mi mnie mogą może można mój my na nad nam nas nasz nawet nią nich nie nim niż no
    o od on ona one oni ono oraz po pod ponieważ przed przez przy są się sobie swój ta tak także tam te tego
    tej temu ten to tu twój ty tych tylko tym u w we wiele więc właśnie wszystko z za ze że żeby dlaczego
    skąd dokąd trzeba mieć""",
    "pt": """a à ainda ao aos aquela aquele aqueles aquilo as às até cada com como da das de dela dele deles
    depois do dos e é ela elas ele eles em entre era eram essa esse esses esta está estão estar estas este
    estes eu fazer foi foram for há isso isto já lhe lo mais mas me mesmo meu minha muito na não nas nem no
    nos nós nossa nosso num numa o onde os ou para pela pelas pelo pelos per pode podem por porque porquê
    posso pra qual quais qualquer quando quanta quantas quanto quantos que quê quem se sem ser será seu seus
    só sobre são sua suas também te tem têm tenho ter teu tu tua tudo um uma umas uns você vocês vos deve
    devo quero""",
    "ro": """și si în in la de din cu pe pentru ca că să sa se nu este e sunt a al ale ai au am o un unei
    unui cel cea cei cele ce cine cum unde când de ce cât câte câți care sau dar dacă mai foarte eu tu el ea
    noi voi ei ele lui lor meu acest această aceste acesta fi fost era are prin până după între trebuie pot
    poate""",
    "ru": """а без бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его
    ее её ей ему если есть еще ещё же за зачем здесь и из или им их к как какая какие каким какими каких
    какого какое какой каком какому какую когда ко которая которого которое которой которую которые который
    которых кто куда ли либо лишь мне много может можно мой моя мы на над надо нам нас наш не него нее неё
    нет ни них но ну нужно о об однако он она они оно от откуда очень по под почему при про с сам свой свою
    себя сколько со так такая такие такой там те тем то того тоже той только том ты у уже хотя чего чей чем
    что чтобы чьё эта эти это этого этой этом этот эту я сделать делать""",
    "sk": """a i v vo na do z zo s so k ku o u za po pre pri od že ktorý ktorá ktoré ktorí čo ako kde kedy
    prečo kto aký aká aké koľko je sú byť bol bola bolo by nie to ten tá tento táto si jeho jej ich mi my vy
    on ona oni ja ale alebo len už aj ak môže musí má majú sa""",
    "sl": """in v na za z s iz od do po o je so bil bila biti ni da kaj kdo kje kdaj kako zakaj kateri
    katera katero koliko se ne to ta ti jaz mi vi on ona oni ali če samo še že pri med lahko mora ima ki""",
    "sr": """и у на за с са од до из по о је су био била бити није да ли што шта ко где када како зашто који
    која које колико се не то тај та овај ова ово ја ти он она ми ви они или али ако само још већ при према
    између може мора има i u na za s sa od do iz po o je su bio bila biti nije da li što šta ko gde kada
    kako zašto koji koja koje koliko se ne to""",
    "sv": """och i att det den de som en ett på är av för med till var han hon vi du jag inte om ut så men
    när från eller nu över man kan ska skall vill har hade blev blir vara varit vad vem var vart hur när
    varför vilken vilket vilka vars sig sin sitt sina min mitt mina din er oss dem dess deras denna detta
    dessa någon något några alla allt efter under vid mot utan mellan också där här hos måste får många
    mycket finns""",
    "th": """คือ ที่ ของ และ ใน เป็น มี ได้ ให้ จะ ไม่ ว่า กับ จาก หรือ ก็ การ อะไร เมื่อ ไหร่ ไหน ทำไม
    อย่าง ไร เท่า ใคร กี่ ไหม ครับ ค่ะ คะ นี้ นั้น""",
    "tr": """ve bir bu da de için ile mi mı mu mü ne nedir kim nasıl neden niçin niye nerede nereye nereden
    hangi hangisi kaç kadar çok daha en ama ancak veya ya olan olarak olur oldu var yok değil ben sen o biz
    siz onlar benim şu her gibi sonra önce göre ki ise hem tüm gerekir eder ediyor edilir""",
    "uk": """а але без б би був була були було бути в вам вас ви від до для де є його її їй йому як яка яке
    який якого якої якою якщо які яких із з за і й їх коли ким кого хто куди ли ми мені може можна на над
    нам нас не немає ні но о об він вона вони воно по під при про скільки та так там те ти то того той
    тільки треба у уже чи чому чого чим що щоб це цей ця ці я""",
    "vi": """là và của có cho các những được trong với này đó ở khi thì mà từ đến như không bao nhiêu gì ai
    đâu nào sao thế tại vì tôi bạn một để về ra vào bị sẽ đã đang cũng hay hoặc phải""",
    "zh": """什么 么时 时候 怎么 怎样 么样 如何 哪些 哪个 哪里 哪儿 多少 是否 可以 能否 为什 是什 有什 有哪 是多
    么办 吗 呢 的 了 是 在 和 与 或 吧 請問 请问 什麼 怎麼
    為什 麼時 時候 是什 有什 麼樣 多少 是多 各是""",
}


@cache
def stop_words(language: str) -> frozenset[str]:
    """Return the stop words of a language, as they are written and folded; none for a language without a list."""
    listed = _as_written(language)
    return listed | {fold(word) for word in listed}


def is_stop_word(word: str, language: str) -> bool:
    """Return whether a word is a stop word: German "andere" is one, "ändere" is not."""
    lowered = word.lower()
    return lowered in _as_written(language) or (lowered in stop_words(language) and lowered == fold(word))


@cache
def _as_written(language: str) -> frozenset[str]:
    return STOP_WORDS if language == "en" else frozenset(_LISTED.get(language, "").split())


@cache
def languages_with_stop_words() -> tuple[str, ...]:
    """Return the languages that have a list, by code."""
    return ("en", *_LISTED)
