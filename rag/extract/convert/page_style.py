"""What the styles of a web page hide: its own style sheets and the styles of its elements, as a browser applies them.

Selectors can have tags, classes, ids, and elements around them. Rules with anything else, or for some screens only, are
ignored, and style sheets outside the file are not fetched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

_SELECTOR = re.compile(r"(?:[a-z][\w-]*|\*)?(?:[.#][\w-]+)*", re.IGNORECASE)
_NAME = re.compile(r"[.#]?[\w-]+")
_URL = re.compile(r"url\([^)]*\)?", re.IGNORECASE)
_FONT_SIZE = re.compile(r"(?:^|\s)((?:\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})(?:px|pt|em|rem|ex|%)?)(?:\s*/|\s)")
"""The size in a value of `font`, before the line height and the names of fonts."""
_OTHER_BACKGROUND = re.compile(r"\bstylesheet\b|@import|position\s*:\s*(?:absolute|fixed)")
"""What can put a background behind the text that its own styles don't tell."""
_LENGTH = re.compile(r"(-?(?:\d{1,9}(?:\.\d{1,9})?|\.\d{1,9}))([a-z%]*)")
_RELATIVE = ("em", "ex", "ch", "%")
_MAX_STEPS = 1_000_000
"""Comparisons of rules with elements, after which only the styles of the elements themselves count."""
_MAX_RULES = 50_000
_MAX_AROUND = 100
"""Elements around an element that its rules are compared with."""
_MIN_OUTSIDE = 900
"""Pixels by which text is moved to the left or up to be outside of every screen."""
_MAX_TINY = 1
"""Largest size of letters in pixels that can't be read, and largest side of an area that shows nothing."""
_MIN_OPACITY = 0.05
_MAX_DIFFERENCE = 16
"""Of 255: text whose color differs less from its background, in each of red, green and blue, can't be seen."""

Color = tuple[int, int, int]
_WHITE: Color = (255, 255, 255)


class _Rule(NamedTuple):
    specificity: tuple[int, int]
    steps: tuple[tuple[bool, frozenset[str]], ...]
    """From the element outward: whether it is the direct child of the next one, and the names it needs."""
    declared: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Look:
    """How the text of an element looks. `is_removed`: nothing inside the element is shown.

    `color` and `background` are None where they are unknown.
    """

    is_removed: bool = False
    is_invisible: bool = False
    is_tiny: bool = False
    is_transparent: bool = False
    color: Color | None = None
    background: Color | None = None

    @property
    def shows_text(self) -> bool:
        is_same = (
            self.color is not None
            and self.background is not None
            and all(abs(a - b) < _MAX_DIFFERENCE for a, b in zip(self.color, self.background, strict=True))
        )
        return not (self.is_invisible or self.is_tiny or self.is_transparent or is_same)


class Element(NamedTuple):
    """An element with the names by which selectors can mean it: its tag, each `.class`, and its `#id`."""

    tag: str
    names: frozenset[str]
    look: Look = Look()


@dataclass(slots=True)
class StyleSheets:
    """The rules of a page's own style sheets, by a name that an element needs for each.

    `look`: that of the page; its background is unknown if a rule that is ignored could change it.
    """

    look: Look = Look(background=_WHITE)
    _rules: dict[str, list[_Rule]] = field(default_factory=lambda: defaultdict(list))
    _steps: int = 0

    @classmethod
    def of(cls, source: str) -> StyleSheets:
        """Return the rules in the `<style>` elements of a page."""
        sheets = cls()
        lowered = source.lower()
        is_complete = _OTHER_BACKGROUND.search(lowered) is None
        end = count = 0
        while (start := lowered.find("<style", end)) >= 0 and (end := lowered.find("</style", start)) >= 0:
            for selectors, body in _rules(_without_comments(lowered[start:end].partition(">")[2])):
                declared = declarations(body)
                for selector in selectors.split(",") if declared and count < _MAX_RULES else ():
                    count += 1
                    if rule := _parse(selector, declared):
                        sheets._rules[min(rule.steps[0][1], key=_commonness, default="*")].append(rule)
                    else:
                        is_complete = is_complete and "background" not in body
        sheets.look = Look(background=_WHITE if is_complete else None)
        return sheets

    def declared(self, element: Element, around: Sequence[Element], inline: Mapping[str, str]) -> dict[str, str]:
        """Return the declarations that count for an element inside of others, the innermost of them last."""
        found: list[tuple[tuple[int, int], Mapping[str, str]]] = []
        for name in (*element.names, "*"):
            for rule in self._rules.get(name, ()) if self._steps < _MAX_STEPS else ():
                self._steps += len(rule.steps)
                if self._matches(rule, element, around):
                    found.append((rule.specificity, rule.declared))
        found.sort(key=lambda rule: rule[0])
        result: dict[str, str] = {}
        important: dict[str, str] = {}
        for declared in (*(declared for _, declared in found), inline):
            for name, value in declared.items():
                plain = value.removesuffix("!important").rstrip()
                (result if plain == value else important)[name] = plain
        return result | important

    def _matches(self, rule: _Rule, element: Element, around: Sequence[Element]) -> bool:
        if not rule.steps[0][1] <= element.names:
            return False
        at = len(around) - 1
        last = max(-1, at - _MAX_AROUND)
        for (is_child, _), (_, names) in zip(rule.steps, rule.steps[1:], strict=False):
            while at > last and not names <= around[at].names:
                self._steps += 1
                at = last if is_child else at - 1
            if at <= last:
                return False
            at -= 1
        return True


def _commonness(name: str) -> int:
    return "#.".find(name[0]) % 3  # ids are rarer than classes, and classes than tags


def _parse(selector: str, declared: Mapping[str, str]) -> _Rule | None:
    """Return a rule, or None if its selector has more than tags, classes, ids, and elements around them."""
    steps: list[tuple[bool, frozenset[str]]] = []
    is_child = False
    ids = others = 0
    for part in reversed(selector.replace(">", " > ").split()):
        if part == ">":
            is_child = True
            continue
        if _SELECTOR.fullmatch(part) is None:
            return None
        names = _NAME.findall(part)
        ids += sum(name.startswith("#") for name in names)
        others += sum(100 if name.startswith(".") else 1 for name in names if not name.startswith("#"))
        if steps:
            steps[-1] = (is_child, steps[-1][1])
        steps.append((False, frozenset(names)))
        is_child = False
    return _Rule((ids, others), tuple(steps), declared) if steps else None


def _without_comments(css: str) -> str:
    """Return style rules without their comments, and without what follows one that does not end."""
    kept, end = [], 0
    while (start := css.find("/*", end)) >= 0:
        kept.append(css[end:start])
        end = css.find("*/", start + 2) + 2
        if end < 2:
            return "".join(kept)
    return "".join([*kept, css[end:]])


def _rules(sheet: str) -> Iterator[tuple[str, str]]:
    """Yield selectors and declarations; of a condition such as `@media print`, the rules inside of it."""
    depth, start, selectors = 0, 0, ""
    for brace in re.finditer(r"[{}]", sheet):
        if brace[0] == "{":
            if depth == 0:
                selectors, start = sheet[start : brace.start()], brace.end()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield selectors.rpartition(";")[2], sheet[start : brace.start()]
                start = brace.end()


_USED = frozenset(
    "display visibility font-size color background-color background-image opacity max-height height width overflow "
    "left top margin-left text-indent position clip clip-path transform mso-hide".split()
)


def declarations(body: str) -> dict[str, str]:
    """Return the declarations of a rule or a `style` attribute that can hide something, in lower case."""
    found: dict[str, str] = {}
    for declaration in _URL.sub("url()", body.lower()).split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "background":
            found["background-image"] = "url()" if "url(" in value or "gradient(" in value else "none"
            found["background-color"] = value
        elif name == "font" and (size := _FONT_SIZE.search(value)):
            found["font-size"] = size[1] + ("!important" if value.endswith("!important") else "")
        elif name in _USED and value:
            found[name] = value
    return found


def look_of(around: Look, declared: Mapping[str, str]) -> Look:
    """Return the look of an element inside of another one."""
    if _is_removed(declared):
        return replace(around, is_removed=True)
    visibility = declared.get("visibility", "inherit")
    look = replace(
        around,
        is_invisible=around.is_invisible if visibility == "inherit" else visibility in ("hidden", "collapse"),
        is_tiny=_is_tiny(declared, around.is_tiny),
        background=_background(declared, around.background),
    )
    color = declared.get("color", "inherit")
    if color in ("inherit", "unset", "currentcolor"):
        return look
    return replace(look, is_transparent=_is_clear(color), color=_color(color))


def _is_removed(declared: Mapping[str, str]) -> bool:
    clip = declared.get("clip", "").replace(" ", "").replace(",", "").replace("px", "")
    return (
        declared.get("display") == "none"
        or declared.get("mso-hide") == "all"
        or _number(declared.get("opacity", ""), 1) < _MIN_OPACITY
        or declared.get("max-height", "") in ("0", "0px")
        or bool(re.fullmatch(r"rect\([01]{4}\)", clip))
        or bool(re.match(r"inset\((?:[5-9]\d|100)%|circle\(0", declared.get("clip-path", "")))
        or bool(re.match(r"scale\(0(?:\.0*)?[,)]", declared.get("transform", "")))
        or any(_number(declared.get(side, ""), 0) <= -_MIN_OUTSIDE for side in ("margin-left", "text-indent"))
        or (
            declared.get("position") in ("absolute", "fixed")
            and any(_number(declared.get(side, ""), 0) <= -_MIN_OUTSIDE for side in ("left", "top"))
        )
        or (
            declared.get("overflow") in ("hidden", "clip")
            and any(_number(declared.get(side, ""), 99) <= _MAX_TINY for side in ("width", "height"))
        )
    )


def _number(value: str, default: float) -> float:
    """Return a length in pixels, or a number; `default` if it is relative to something or missing."""
    found = _LENGTH.fullmatch(value)
    if found is None:
        return default
    number, unit = float(found[1]), found[2]
    if unit in ("em", "rem"):
        return number * 16
    return default if unit == "%" and number else number


def _is_tiny(declared: Mapping[str, str], inherited: bool) -> bool:
    size = declared.get("font-size", "")
    if size in ("", "inherit", "smaller", "larger"):
        return inherited
    found = _LENGTH.fullmatch(size)
    if found is None:  # a keyword such as "medium"
        return False
    if found[2] in _RELATIVE:
        return inherited or not float(found[1])
    return float(found[1]) <= _MAX_TINY if found[2] in ("", "px", "pt") else not float(found[1])


def _background(declared: Mapping[str, str], inherited: Color | None) -> Color | None:
    value = declared.get("background-color", "")
    if declared.get("background-image", "none") != "none":
        return None
    if value in ("", "none", "transparent", "inherit", "initial", "unset") or _is_clear(value):
        return inherited
    return _color(value if "(" in value else value.split()[0])


@lru_cache(maxsize=1024)
def _color(value: str) -> Color | None:
    """Return a color, or None if it is unknown or partly transparent."""
    from PIL import ImageColor

    try:
        color = ImageColor.getrgb(value)
    except ValueError:
        return None
    return color[:3] if len(color) == 3 or color[3] == 255 else None


def _is_clear(color: str) -> bool:
    return color == "transparent" or re.fullmatch(r"(?:rgba|hsla)\(.*[,/]\s*0(?:\.0*)?%?\s*\)", color) is not None
