"""Detection of the language of texts and questions."""

from __future__ import annotations

import pytest

from rag.analysis.languages import detect_language, detect_languages, question_language

TEXTS = {
    "en": "The gateway listens on a port that the operator chooses when the service is installed on the machine.",
    "de": "Der Dienst lauscht auf einem Anschluss, den der Betreiber bei der Einrichtung des Rechners auswählt.",
    "fr": "Le service écoute sur un port que l'exploitant choisit lors de l'installation de la machine du bureau.",
    "pl": "Usługa nasłuchuje na porcie, który operator wybiera podczas instalacji programu na swoim komputerze.",
    "ru": "Служба слушает порт, который оператор выбирает при установке программы на своём компьютере в офисе.",
    "uk": "Служба слухає порт, який оператор обирає під час встановлення програми на своєму комп'ютері в офісі.",
    "ar": "تستمع الخدمة إلى المنفذ الذي يختاره المشغل عند تثبيت البرنامج على الجهاز في المكتب الجديد للشركة",
    "hi": "सेवा उस पोर्ट पर सुनती है जिसे संचालक कार्यालय के कंप्यूटर पर प्रोग्राम स्थापित करते समय चुनता है।",
    "ja": "サービスは設定で選ばれたポートで待ち受けます。",
    "zh": "服务在安装时选择的端口上监听。",
    "ko": "서비스는 설치할 때 선택한 포트에서 기다립니다.",
    "th": "บริการรอรับการเชื่อมต่อที่พอร์ตซึ่งผู้ดูแลเลือก",
    "el": "Η υπηρεσία ακούει στη θύρα που επέλεξε ο διαχειριστής.",
    "he": "השירות מאזין ליציאה שהמפעיל בחר בזמן ההתקנה.",
}


@pytest.mark.parametrize("language", TEXTS)
def test_language_of_a_sentence_is_detected(language: str) -> None:
    assert detect_language(TEXTS[language]) == language


@pytest.mark.parametrize("text", ["", "4711 / 12.5", "Gateway", "E-4711 KX-200"])
def test_short_text_has_no_sure_language(text: str) -> None:
    assert detect_language(text) == ""


def test_short_text_has_the_language_of_its_document() -> None:
    assert detect_languages([TEXTS["de"], "Tabelle 3", TEXTS["de"]]) == ["de", "de", "de"]
    assert detect_languages(["Tabelle 3"], "de") == ["de"]
    assert detect_languages(["Table 3"]) == ["en"]
    assert detect_languages([TEXTS["de"] * 4, TEXTS["de"], TEXTS["en"] * 4]) == ["de", "de", "en"]


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("what is the port of the gateway", "en"),
        ("wo ist der anschluss und wie wird er gewählt", "de"),
        ("quel est le port de la passerelle", "fr"),
        ("где это выбирается", "ru"),
        ("який це порт і де його обрати", "uk"),
        ("港はどこですか", "ja"),
    ],
)
def test_language_of_a_question_is_that_of_its_stop_words(question: str, language: str) -> None:
    assert question_language(question, question.split(), [])[0] == language
