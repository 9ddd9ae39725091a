"""XML copied element by element, without what loads something from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import IO, TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from rag.extract.convert.sanitize.fields import is_harmless_field
from rag.extract.convert.sanitize.pictures import is_base64_picture
from rag.extract.convert.sanitize.references import is_part, is_picture_data, leads_outside, style_loads

_REMOVED = frozenset(
    (
        "script scripts event-listener event-listeners foreignObject section-source cell-range-source dde-source"
        " dde-connection-decl altChunk subDoc attachedTemplate applet plugin floating-frame iframe"
    ).split()
)
"""Elements that go with all they hold, by their names without prefix, in OOXML, OpenDocument and SVG alike."""

_UNWRAPPED = frozenset(("dde-connection",))
"""Elements that go, while the text in them stays: what another program said last."""

_LINKS = frozenset(("a", "hyperlink", "hlinkClick", "hlinkHover", "hlinkMouseOver"))
"""Elements whose reference is followed only when a person clicks it."""

_REFERENCES = frozenset(("href", "src", "image-data", "codebase", "archive"))
"""Attributes, without prefix, that name something to load."""

_BINARY = frozenset(("binary-data", "binaryData", "binData"))
"""Elements whose text is a file in base64."""

OpenPart: TypeAlias = Callable[[], IO[bytes]]
_BLOCK = 1 << 16

_INSTRUCTIONS = ("instrText", "delInstrText")
_WORDS = (*_INSTRUCTIONS, "t", "delText")
_BRANCHES = _REMOVED | {"Choice", "Fallback"}
"""Elements that LibreOffice may not read: what is in them neither ends a field outside nor its instruction."""
_DEEPEST_FIELD = 1000
"""Fields inside each other. Each piece of text is compared with all of them."""
_UNAMBIGUOUS = frozenset(("Relationship", "fldChar", "fldSimple"))
"""Elements that go if two of their attributes differ only in their prefix."""
_HYPERLINK_TYPE = "/hyperlink"


class NotCleanable(Exception):
    """The XML is damaged, declares entities, or has too many fields inside each other."""


@dataclass(frozen=True, slots=True)
class Part:
    """What has to be known of a part beside its bytes.

    names: all parts and folders of the document, as a set. base: the folder its references are relative to.
    external: identifiers of its relationships to hyperlinks, the only ones that may lead outside.
    """

    names: Collection[str] = ()
    base: str = ""
    external: Collection[str] = ()


@dataclass(slots=True)
class _Field:
    """A complex field that has begun. ended: whether its instruction has, and its result has begun."""

    index: int
    instruction: list[str] = field(default_factory=list)
    ended: bool = False


class _OpenFields:
    """The complex fields that have begun and not ended, outermost first."""

    def __init__(self) -> None:
        self.fields: list[_Field] = []
        self._count = 0
        self._floors = [0]  # for each branch that is open, how many fields began before it

    def enter(self, local: str, attributes: list[str]) -> _Field | None:
        """Take the beginning of an element. Return the field that ends with it. Raise NotCleanable."""
        if local in _BRANCHES:
            self._floors.append(len(self.fields))
        if local != "fldChar" or _is_ambiguous(local, attributes):
            return None
        kind = _attribute(attributes, "fldCharType")
        if kind == "begin":
            self.fields.append(_Field(self._count))
            self._count += 1
            if len(self.fields) > _DEEPEST_FIELD:
                raise NotCleanable("too many fields are inside each other")
        elif len(self.fields) > self._floors[-1]:
            if kind == "separate":
                self.fields[-1].ended = True
            elif kind == "end":
                return self.fields.pop()
        return None

    def leave(self, local: str) -> list[_Field]:
        """Take the end of an element. Return the fields that began in it and cannot end any more."""
        if local not in _BRANCHES:
            return []
        floor = self._floors.pop()
        left = self.fields[floor:]
        del self.fields[floor:]
        return left


class _Reader:
    """Expat, with all that may bring in entities refused, and names cut to what follows the prefix."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.ordered_attributes = True
        self.parser.buffer_text = True
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.parser.SkippedEntityHandler = self._refuse

    def _refuse(self, *_: object) -> int:
        raise NotCleanable("it declares entities")

    def read(self, open_part: OpenPart) -> None:
        try:
            with open_part() as file:
                while block := file.read(_BLOCK):
                    self.parser.Parse(block, False)
            self.parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError) as error:  # damaged, or in an encoding nobody knows
            raise NotCleanable(str(error)) from error


class _Fields(_Reader):
    """Which of a part's complex fields (fldChar begin, instrText, fldChar end), by their order, have to go."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: set[int] = set()
        self._open = _OpenFields()
        self._within = ""
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: list[str]) -> None:
        self._within = _local(name)
        if done := self._open.enter(self._within, attributes):
            self._judge(done)

    def _end(self, name: str) -> None:
        self._within = ""
        for left in self._open.leave(_local(name)):
            self._judge(left)

    def _text(self, text: str) -> None:
        # The result of a field inside an instruction is part of that instruction.
        if self._within not in _WORDS:
            return
        always = self._within in _INSTRUCTIONS
        if within := next((each for each in reversed(self._open.fields) if always or not each.ended), None):
            within.instruction.append(text)

    def _judge(self, done: _Field) -> None:
        if not is_harmless_field("".join(done.instruction)):
            self.bad.add(done.index)

    def read(self, open_part: OpenPart) -> None:
        super().read(open_part)
        for left in self._open.fields:
            self._judge(left)


class _Copier(_Reader):
    """Writes what it reads, but for what goes."""

    def __init__(self, part: Part, bad_fields: set[int], write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._part = part
        self._bad = bad_fields
        self._write = write
        self._skipped = 0  # how deep inside an element that goes
        self._open = _OpenFields()
        self._svg: bool | None = None
        self._names: list[str] = []
        self._held: list[str] = []  # the text of an element that is judged as a whole
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._put('<?xml version="1.0" encoding="UTF-8"?>\n')

    def _put(self, text: str) -> None:
        self._write(text.encode("utf-8", "surrogatepass"))

    def _start(self, name: str, attributes: list[str]) -> None:
        local = _local(name)
        if self._svg is None:
            self._svg = local == "svg"
        self._open.enter(local, attributes)  # counted as in the first pass, also in what goes
        in_binary = bool(self._names) and self._names[-1] in _BINARY
        if (
            self._skipped
            or in_binary
            or local in _REMOVED
            or _is_ambiguous(local, attributes)
            or (local == "Relationship" and not self._stays(attributes))
        ):
            self._skipped += 1
            return
        self._names.append(local)
        if local in _UNWRAPPED:
            return
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        kept = "".join(f" {key}={quoteattr(value)}" for key, value in pairs if self._keeps(local, key, value))
        self._put(f"<{name}{kept}>")

    def _end(self, name: str) -> None:
        self._open.leave(_local(name))
        if self._skipped:
            self._skipped -= 1
            return
        local = self._names.pop()
        if local in _UNWRAPPED:
            return
        if self._held and self._is_held(local):
            text = "".join(self._held)
            self._held.clear()
            if is_base64_picture(text) if local in _BINARY else not style_loads(text):
                self._put(escape(text))
        self._put(f"</{name}>")

    def _text(self, text: str) -> None:
        if self._skipped:
            return
        within = self._names[-1] if self._names else ""
        if self._is_held(within):
            self._held.append(text)
        elif not self._is_bad(within):
            self._put(escape(text))

    def _is_held(self, element: str) -> bool:
        return element in _BINARY or (element == "style" and bool(self._svg))

    def _is_bad(self, element: str) -> bool:
        """Whether text of this element belongs to an instruction that goes, or to none, which no program writes."""
        always = element in _INSTRUCTIONS
        if always and not self._open.fields:
            return True
        return element in _WORDS and any(
            each.index in self._bad for each in self._open.fields if always or not each.ended
        )

    def _keeps(self, element: str, key: str, value: str) -> bool:
        if key == "xmlns" or key.startswith("xmlns:"):
            return True
        local = _local(key)
        if element == "Relationship":
            return True  # looked at as a whole
        if element in _LINKS:
            return not leads_outside(value) or local == "href"
        if value in self._part.external:
            return False
        if local == "instr":
            return is_harmless_field(value)
        if local in _REFERENCES:
            # A picture's own references are not looked up in the package, but beside the document.
            names = () if self._svg else self._part.names
            return is_picture_data(value) or is_part(value, names, self._part.base)
        if "url(" in value.replace(" ", "").lower():
            return not style_loads(value)
        return not leads_outside(value)

    def _stays(self, attributes: list[str]) -> bool:
        """Whether a relationship of an OOXML part leads to another part, or to a page for people to open."""
        given = _pairs(attributes)
        if given.get("Type", "").endswith(_HYPERLINK_TYPE):
            return True
        if given.get("TargetMode", "").lower() == "external":
            return False
        return is_part(given.get("Target", ""), self._part.names, self._part.base, from_root=True)


class _Links(_Reader):
    """The identifiers of a part's relationships to hyperlinks."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: list[str]) -> None:
        local, given = _local(name), _pairs(attributes)
        is_link = local == "Relationship" and given.get("Type", "").endswith(_HYPERLINK_TYPE)
        if is_link and not _is_ambiguous(local, attributes):
            self.found.add(given.get("Id", ""))


def copy_xml(open_part: OpenPart, part: Part, write: Callable[[bytes], object]) -> None:
    """Write the XML without what loads something. It is read twice: fields are known only when they end.

    Raise NotCleanable, also after something was written.
    """
    fields = _Fields()
    fields.read(open_part)
    _Copier(part, fields.bad, write).read(open_part)


def hyperlinks_in(open_part: OpenPart) -> set[str]:
    """Return the identifiers of relationships to hyperlinks in a part of relationships. Raise NotCleanable."""
    links = _Links()
    links.read(open_part)
    return links.found


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _pairs(attributes: list[str]) -> dict[str, str]:
    """Return the attributes by their whole names."""
    return dict(zip(attributes[::2], attributes[1::2], strict=True))


def _attribute(attributes: list[str], local: str) -> str:
    """Return the value of an attribute by its name without prefix; empty if it is not there."""
    return next((value for key, value in _pairs(attributes).items() if _local(key) == local), "")


def _is_ambiguous(local: str, attributes: list[str]) -> bool:
    keys = attributes[::2]
    return local in _UNAMBIGUOUS and len({_local(key) for key in keys}) < len(keys)
