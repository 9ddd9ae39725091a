"""Word fields that are harmless, because they use only the document itself."""

from __future__ import annotations

import re

_HARMLESS = frozenset(
    (
        "= ADDIN ADDRESSBLOCK ADVANCE ASK AUTHOR AUTONUM AUTONUMLGL AUTONUMOUT BARCODE BIBLIOGRAPHY CITATION COMMENTS"
        " COMPARE CREATEDATE DATE DISPLAYBARCODE DOCPROPERTY DOCVARIABLE EDITTIME EQ FILENAME FILESIZE FILLIN"
        " FORMCHECKBOX FORMDROPDOWN FORMTEXT GOTOBUTTON GREETINGLINE HYPERLINK IF INDEX INFO KEYWORDS LASTSAVEDBY"
        " LISTNUM MACROBUTTON MERGEFIELD MERGEREC MERGESEQ NEXT NEXTIF NOTEREF NUMCHARS NUMPAGES NUMWORDS PAGE PAGEREF"
        " PRINTDATE PRIVATE QUOTE REF REVNUM SAVEDATE SECTION SECTIONPAGES SEQ SET SHAPE SKIPIF STYLEREF SUBJECT SYMBOL"
        " TA TC TEMPLATE TIME TITLE TOA TOC USERADDRESS USERINITIALS USERNAME XE"
    ).split()
)
"""Excluded because they load something: AUTOTEXT, AUTOTEXTLIST, CONTROL, DATABASE, DDE, DDEAUTO, EMBED, GLOSSARY,
HTMLCONTROL, IMPORT, INCLUDE, INCLUDEPICTURE, INCLUDETEXT, LINK, PRINT, RD. If an instruction is removed, the field's
last result stays visible."""

_FIRST_WORD = re.compile(r"\s*(=|[^\s\\\"{}]+)")


def is_harmless_field(instruction: str) -> bool:
    """Return whether a field with this instruction loads nothing. Names are case-insensitive; empty is harmless."""
    first = _FIRST_WORD.match(instruction)
    if first is None:
        return not instruction.strip()
    return first[1].startswith("=") or first[1].upper() in _HARMLESS
