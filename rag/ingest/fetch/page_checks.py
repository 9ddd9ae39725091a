"""Pages that are not the document: sign-in pages, requests for consent, and checks for robots."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SIGN_IN, CONSENT, ROBOT_CHECK = "sign-in", "consent", "robot-check"
"""Reasons why a page is refused."""

_FEW_WORDS = 250
"""A page with more words has content of its own, whatever form it also contains."""

_MAX_ADDRESS = 2000
_NO_WORDS = 15
_CHECK_WORDS = 150
_FORM_WORDS = _FEW_WORDS / 4
"""A sign-in page or a check for robots that only its address or common words give away has fewer words."""

_SIGN_IN_ADDRESS = re.compile(
    r"//(?:accounts|login|signin|sso|idp|passport)\.|/(?:users?/)?(?:log[-_]?in|sign[-_]?in|log[-_]?on|saml2?|adfs)"
    r"(?:[/.?#]|$)",
    re.IGNORECASE,
)
_FORM_ADDRESS = re.compile(
    r"//(?:auth|id)\.|/(?:users?/)?(?:sso|oauth2?|authorize|auth|cas)(?:[/.?#]|$)", re.IGNORECASE
)
"""Addresses of sign-in pages if there is a form: others are in Indonesian, or about OAuth."""
_SIGN_IN = re.compile(
    r"\b(?:sign|log)[ -]?(?:in|on)\b|\banmeld|\beinloggen|\bconnexion|\bse connecter|\binicia[r]? sesi|\bacceder\b"
    r"|\bentrar\b|\baccedi\b|\bzaloguj|\blogowanie|\binlog|\blogga in|\blog ind|\blogg inn|\bkirjaudu|\bpřihl|\bgiriş"
    r"|войти|вход|увійти|登录|登入|登錄|ログイン|サインイン|로그인|تسجيل الدخول|התחבר|כניסה|đăng nhập|เข้าสู่ระบบ",
    re.IGNORECASE,
)
_MUST_SIGN_IN = re.compile(
    r"\b(?:must|need to|have to|please|required to)\b.{0,30}\b(?:sign|log)(?:ged)?[ -]?in\b|\b(?:sign|log)[ -]?in to "
    r"(?:continue|view|see|access|read)|\bmelden sie sich an|\bconnectez-vous|\binicia sesión para",
    re.IGNORECASE,
)
_ROBOT_CHECK = re.compile(
    r"just a moment\.\.\.|checking (?:if the site connection|your browser before)|unusual traffic from"
    r"|verify(?:ing)? (?:that )?you(?:'re| are) (?:a )?(?:human|not a)|enable javascript and cookies to continue"
    r"|attention required! \| cloudflare|complete the (?:security check|captcha)",
    re.IGNORECASE,
)
_ROBOT_QUESTION = re.compile(r"are you a (?:human|robot)|not a robot|checking your browser", re.IGNORECASE)
_CONSENT = re.compile(
    r"\bcookie|\bconsent|value your privacy|before you continue|bevor sie|avant de continuer", re.IGNORECASE
)
_CONSENT_ADDRESS = re.compile(
    r"//(?:consent|guce|privacy-mgmt|cmp)\.|/(?:consent|cookie-?wall|collectconsent)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a page says about itself once walls are removed (`page_scripts.DESCRIBE`). `count`: its visible words.

    `password`, `user`: whether it has a field for a password or a user's name. `choices`: buttons that answer a request
    for consent. `refresh`: the address it leads to by itself. `files`: addresses of PDFs that are all it shows.
    """

    title: str = ""
    heading: str = ""
    count: int = 0
    text: str = ""
    password: bool = False
    user: bool = False
    choices: int = 0
    consent: bool = False
    refresh: str = ""
    files: tuple[str, ...] = ()

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> PageFacts:
        """Return the facts in what the page's script returned. Raise ValueError if it is not valid."""
        found: dict[str, Any] = {}
        for known in fields(cls):
            value = described.get(known.name)
            if known.name == "files":
                files = value[:2] if isinstance(value, list) else []
                found["files"] = tuple(address for address in map(_web_address, files) if address)
            elif known.name == "refresh":
                found["refresh"] = _web_address(value)
            elif type(value) is not type(known.default):
                raise ValueError(f"the page has an invalid {known.name}")
            else:
                found[known.name] = value[:4000] if isinstance(value, str) else value
        return cls(**found)


def _web_address(value: object) -> str:
    """Return an address on the web; "" for anything else, such as a file of this machine."""
    is_web = isinstance(value, str) and value[:8].lower().startswith(("http://", "https://"))
    return value[:_MAX_ADDRESS] if is_web and isinstance(value, str) else ""


def refusal(facts: PageFacts, asked: str, shown: str, removed_words: int) -> str | None:
    """Return why a page must not be indexed, or None. `asked` and `shown`: the address of the link and of the page.

    `removed_words`: how many words of walls were removed from it.
    """
    names = f"{facts.title}\n{facts.heading}"
    texts = (facts.title, facts.text)
    if facts.count < _CHECK_WORDS and any(map(_ROBOT_CHECK.search, texts)):
        return ROBOT_CHECK
    if facts.count < _FORM_WORDS and any(map(_ROBOT_QUESTION.search, texts)):
        return ROBOT_CHECK
    if facts.count < _FEW_WORDS and _is_sign_in(facts, names, asked, shown):
        return SIGN_IN
    is_named_consent = bool(_CONSENT.search(names)) or bool(_CONSENT_ADDRESS.search(shown))
    if facts.count < 2 * _FEW_WORDS and facts.consent and facts.choices and is_named_consent:
        return CONSENT
    if facts.count < _NO_WORDS and removed_words > _NO_WORDS:
        return CONSENT
    return None


def _is_sign_in(facts: PageFacts, names: str, asked: str, shown: str) -> bool:
    """Return whether a page with few words asks people to sign in: by a form, or by its name and address."""
    is_few = facts.count < _FORM_WORDS
    is_named = bool(_SIGN_IN.search(names))
    is_at_form = bool(_SIGN_IN_ADDRESS.search(shown))
    was_sent = is_at_form and not _SIGN_IN_ADDRESS.search(asked)
    is_form_only = facts.user and facts.count < _FEW_WORDS / 6
    return (
        facts.password
        or is_form_only
        or (facts.user and (is_named or is_at_form or bool(_FORM_ADDRESS.search(shown))))
        or (was_sent and (is_named or is_few))
        or (is_few and bool(_MUST_SIGN_IN.search(facts.text)))
    )


def file_of(facts: PageFacts) -> str | None:
    """Return the address of the PDF that a page shows or links to, if it has hardly any words of its own."""
    return facts.files[0] if len(facts.files) == 1 and facts.count < _CHECK_WORDS / 3 else None
