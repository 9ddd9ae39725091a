"""Sanitizing of XML: it is copied element by element without anything that loads something from outside."""

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
"""Elements of OOXML, OpenDocument and SVG that are removed with their content; names without prefix."""

_UNWRAPPED = frozenset(("dde-connection",))
"""Elements that are removed while their text is kept: the last value from another program."""

_LINKS = frozenset(("a", "hyperlink", "hlinkClick", "hlinkHover", "hlinkMouseOver"))
"""Elements whose reference is only followed when a person clicks it."""

_REFERENCES = frozenset(("href", "src", "image-data", "codebase", "archive"))
"""Attributes, without prefix, that name something to load."""

_BINARY = frozenset(("binary-data", "binaryData", "binData"))
"""Elements whose text is a file in base64."""

OpenPart: TypeAlias = Callable[[], IO[bytes]]
_BLOCK = 1 << 16

_INSTRUCTIONS = ("instrText", "delInstrText")
_WORDS = (*_INSTRUCTIONS, "t", "delText")
_BRANCHES = _REMOVED | {"Choice", "Fallback"}
"""Elements that LibreOffice may skip. Their content cannot end a field outside of them, or its instruction."""
_MAX_FIELD_DEPTH = 1000
"""Maximum nesting of fields: each piece of text is compared with all open fields."""
_UNAMBIGUOUS = frozenset(("Relationship", "fldChar", "fldSimple"))
"""Elements that are removed if two of their attributes differ only in their prefix."""
_HYPERLINK_TYPE = "/hyperlink"


class NotSanitizable(Exception):
    """The XML is damaged, declares entities, or nests fields too deeply."""


@dataclass(frozen=True, slots=True)
class PartContext:
    """What the sanitizing of a part needs besides its bytes.

    names: all parts and folders of the document, as a set. base: the folder to which its references are relative.
    external: IDs of its hyperlink relationships, the only ones that may lead outside.
    """

    names: Collection[str] = ()
    base: str = ""
    external: Collection[str] = ()


@dataclass(slots=True)
class _Field:
    """An open complex field. has_result: its instruction has ended and its result has started."""

    index: int
    instruction: list[str] = field(default_factory=list)
    has_result: bool = False


class _OpenFields:
    """The open complex fields, outermost first."""

    def __init__(self) -> None:
        self.fields: list[_Field] = []
        self._count = 0
        self._floors = [0]  # for each open branch, the number of fields that were open before it

    def enter(self, local: str, attributes: list[str]) -> _Field | None:
        """Process the start of an element; return the field that it ends. Raise NotSanitizable."""
        if local in _BRANCHES:
            self._floors.append(len(self.fields))
        if local != "fldChar" or _is_ambiguous(local, attributes):
            return None
        kind = _attribute(attributes, "fldCharType")
        if kind == "begin":
            self.fields.append(_Field(self._count))
            self._count += 1
            if len(self.fields) > _MAX_FIELD_DEPTH:
                raise NotSanitizable("fields are nested too deeply")
        elif len(self.fields) > self._floors[-1]:
            if kind == "separate":
                self.fields[-1].has_result = True
            elif kind == "end":
                return self.fields.pop()
        return None

    def leave(self, local: str) -> list[_Field]:
        """Process the end of an element; return the fields that were left open in it."""
        if local not in _BRANCHES:
            return []
        floor = self._floors.pop()
        unclosed = self.fields[floor:]
        del self.fields[floor:]
        return unclosed


class _XmlParser:
    """Expat without support for entities."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.ordered_attributes = True
        self.parser.buffer_text = True
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.parser.SkippedEntityHandler = self._refuse

    def _refuse(self, *_: object) -> int:
        raise NotSanitizable("it declares entities")

    def parse(self, open_part: OpenPart) -> None:
        """Parse a part. Raise NotSanitizable."""
        try:
            with open_part() as file:
                while block := file.read(_BLOCK):
                    self.parser.Parse(block, False)
            self.parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError) as error:  # damaged, or in an unknown encoding
            raise NotSanitizable(str(error)) from error


class _FieldFinder(_XmlParser):
    """Finds the complex fields (fldChar begin, instrText, fldChar end) that load something, by their index."""

    def __init__(self) -> None:
        super().__init__()
        self.loading: set[int] = set()
        self._open = _OpenFields()
        self._element = ""
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: list[str]) -> None:
        self._element = _local(name)
        if ended := self._open.enter(self._element, attributes):
            self._check(ended)

    def _end(self, name: str) -> None:
        self._element = ""
        for unclosed in self._open.leave(_local(name)):
            self._check(unclosed)

    def _text(self, text: str) -> None:
        # The result of a field inside an instruction is part of that instruction.
        if self._element not in _WORDS:
            return
        is_instruction = self._element in _INSTRUCTIONS
        candidates = (field for field in reversed(self._open.fields) if is_instruction or not field.has_result)
        if innermost := next(candidates, None):
            innermost.instruction.append(text)

    def _check(self, ended: _Field) -> None:
        if not is_harmless_field("".join(ended.instruction)):
            self.loading.add(ended.index)

    def parse(self, open_part: OpenPart) -> None:
        super().parse(open_part)
        for unclosed in self._open.fields:
            self._check(unclosed)


class _Copier(_XmlParser):
    """Writes the XML it parses without what has to be removed."""

    def __init__(self, part: PartContext, loading_fields: set[int], write: Callable[[bytes], object]) -> None:
        super().__init__()
        self._part = part
        self._loading = loading_fields
        self._write = write
        self._skipped = 0  # depth inside a removed element
        self._open = _OpenFields()
        self._svg: bool | None = None
        self._names: list[str] = []
        self._held: list[str] = []  # text of an element that is checked as a whole
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
        self._open.enter(local, attributes)  # counted as in the first pass, also inside removed elements
        in_binary = bool(self._names) and self._names[-1] in _BINARY
        if (
            self._skipped
            or in_binary
            or local in _REMOVED
            or _is_ambiguous(local, attributes)
            or (local == "Relationship" and not self._is_kept_relationship(attributes))
        ):
            self._skipped += 1
            return
        self._names.append(local)
        if local in _UNWRAPPED:
            return
        pairs = zip(attributes[::2], attributes[1::2], strict=True)
        kept = "".join(
            f" {key}={quoteattr(value)}" for key, value in pairs if self._is_kept_attribute(local, key, value)
        )
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
        element = self._names[-1] if self._names else ""
        if self._is_held(element):
            self._held.append(text)
        elif not self._is_removed_text(element):
            self._put(escape(text))

    def _is_held(self, element: str) -> bool:
        return element in _BINARY or (element == "style" and bool(self._svg))

    def _is_removed_text(self, element: str) -> bool:
        """Return whether text of this element belongs to an instruction that is removed, or to no field at all."""
        is_instruction = element in _INSTRUCTIONS
        if is_instruction and not self._open.fields:
            return True
        return element in _WORDS and any(
            field.index in self._loading for field in self._open.fields if is_instruction or not field.has_result
        )

    def _is_kept_attribute(self, element: str, key: str, value: str) -> bool:
        if key == "xmlns" or key.startswith("xmlns:"):
            return True
        local = _local(key)
        if element == "Relationship":
            return True  # checked as a whole
        if element in _LINKS:
            return not leads_outside(value) or local == "href"
        if value in self._part.external:
            return False
        if local == "instr":
            return is_harmless_field(value)
        if local in _REFERENCES:
            # References of an SVG are relative to the document's folder, not to the package.
            names = () if self._svg else self._part.names
            return is_picture_data(value) or is_part(value, names, self._part.base)
        if "url(" in value.replace(" ", "").lower():
            return not style_loads(value)
        return not leads_outside(value)

    def _is_kept_relationship(self, attributes: list[str]) -> bool:
        """Return whether a relationship of an OOXML part is a hyperlink or leads to another part."""
        values = _pairs(attributes)
        if values.get("Type", "").endswith(_HYPERLINK_TYPE):
            return True
        if values.get("TargetMode", "").lower() == "external":
            return False
        return is_part(values.get("Target", ""), self._part.names, self._part.base, from_root=True)


class _HyperlinkFinder(_XmlParser):
    """Collects the IDs of hyperlink relationships."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: list[str]) -> None:
        local, values = _local(name), _pairs(attributes)
        is_link = local == "Relationship" and values.get("Type", "").endswith(_HYPERLINK_TYPE)
        if is_link and not _is_ambiguous(local, attributes):
            self.found.add(values.get("Id", ""))


def copy_xml(open_part: OpenPart, part: PartContext, write: Callable[[bytes], object]) -> None:
    """Write the XML without anything that loads something. It is parsed twice, because fields are judged at their end.

    Raise NotSanitizable, possibly after something has been written.
    """
    finder = _FieldFinder()
    finder.parse(open_part)
    _Copier(part, finder.loading, write).parse(open_part)


def hyperlinks_in(open_part: OpenPart) -> set[str]:
    """Return the IDs of hyperlinks in a relationships part. Raise NotSanitizable."""
    finder = _HyperlinkFinder()
    finder.parse(open_part)
    return finder.found


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _pairs(attributes: list[str]) -> dict[str, str]:
    """Return the attributes by their full names."""
    return dict(zip(attributes[::2], attributes[1::2], strict=True))


def _attribute(attributes: list[str], local: str) -> str:
    """Return an attribute's value by its name without prefix; "" if there is none."""
    return next((value for key, value in _pairs(attributes).items() if _local(key) == local), "")


def _is_ambiguous(local: str, attributes: list[str]) -> bool:
    keys = attributes[::2]
    return local in _UNAMBIGUOUS and len({_local(key) for key in keys}) < len(keys)
