"""Which of Word's fields may stay: the ones that compute something from the document itself."""

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
"""Left out on purpose: AUTOTEXT, AUTOTEXTLIST, CONTROL, DATABASE, DDE, DDEAUTO, EMBED, GLOSSARY, HTMLCONTROL, IMPORT,
INCLUDE, INCLUDEPICTURE, INCLUDETEXT, LINK, PRINT, RD. A field's last result is shown where its instruction goes."""

_FIRST_WORD = re.compile(r"\s*(=|[^\s\\\"{}]+)")


def is_harmless_field(instruction: str) -> bool:
    """Return whether a field with this instruction may stay. Names count in any case; an empty instruction may."""
    first = _FIRST_WORD.match(instruction)
    if first is None:
        return not instruction.strip()
    return first[1].startswith("=") or first[1].upper() in _HARMLESS
