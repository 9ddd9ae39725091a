"""Mails (EML and Outlook's MSG) and web archives (MHTML): decoded headers, bodies and the pictures in them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import EmailPolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rag.errors import Unreadable
from rag.extract.convert.file_pictures import FilePictures, data_address
from rag.extract.convert.packages import MSG
from rag.extract.convert.rich_text import (
    RichText,
    decode_markup,
    decode_page,
    missing_pictures,
    page_parts,
    paragraphs,
)
from rag.model.extraction import Note

if TYPE_CHECKING:
    _Policy = EmailPolicy[EmailMessage]
else:
    _Policy = EmailPolicy

EML, MHTML = "message/rfc822", "multipart/related"

_HEADER = re.compile(r"[!-9;-~]{1,76}:(?:[ \t].*)?$")
_MAIL_HEADERS = frozenset(
    "from to cc subject date received message-id mime-version return-path delivered-to reply-to content-type".split()
)
_MAILBOX_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]{0,200}\n(?=[!-9;-~]{1,76}:)")
"""The line before each mail of a mailbox; in mails, such a line begins with ">" (RFC 4155)."""
_MIN_MAIL_HEADERS = 3
_SHOWN_HEADERS = ("From", "To", "Cc", "Date")
_MAX_HEADER_CHARS = 2_000
_MAX_SOURCE_CHARS = 4_000
"""Characters of a header that are parsed. The time grows faster than their number, and each look at it parses again."""
_MAX_PARTS = 1_000
_TEXTS = ("text/plain", "text/html", "text/rfc822-headers")
_MAILS = ("message/rfc822", "message/global")
_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")


def mail_type(text: str) -> str | None:
    """Return EML or MHTML if a text begins with the headers of one, else None."""
    names: set[str] = set()
    content_type = ""
    text = text.lstrip("\ufeff\n\r")
    lines = text.partition("\n")[2] if text.startswith("From ") else text  # the first line of a mailbox
    for line in lines.splitlines():
        if not line.strip():
            break
        if line[0] in " \t":
            continue
        if _HEADER.match(line) is None:
            return None
        name, _, value = line.partition(":")
        names.add(name.lower())
        content_type = value.strip().lower() if name.lower() == "content-type" else content_type
    if content_type.startswith("multipart/related") and not {"to", "received"} & names:
        return MHTML
    return EML if len(names & _MAIL_HEADERS) >= _MIN_MAIL_HEADERS and {"from", "subject", "received"} & names else None


def read_mail(path: Path, media_type: str, max_megapixels: int) -> RichText:
    """Return a mail with its headers. Raise Unreadable if it is damaged or has no content."""
    if media_type == MSG:
        return _read_msg(path, max_megapixels)
    messages = _parse(path)
    pictures = FilePictures(_Resources(messages).find, max_megapixels)
    mails = [_read_message(message, pictures) for message in messages]
    notes = dict.fromkeys(note for mail in mails for note in mail.notes)
    return RichText([part for mail in mails for part in mail.parts], pictures, mails[0].title, tuple(notes))


def _read_message(message: EmailMessage, pictures: FilePictures) -> RichText:
    bodies, notes, missing = [], [], 0
    for part in _bodies(message):
        if part.get_content_type() == "text/html":
            simple = page_parts(_decode_page(part), pictures.tag)
            bodies += simple.parts
            missing += simple.missing_pictures
        elif part.get_content_maintype() == "message":
            bodies.append(paragraphs(_report(part)))
        else:
            bodies.append(paragraphs(decode_markup(_content(part), part.get_content_charset(""))))
    if any(part.get_content_type() in _ENCRYPTED for part in message.walk()):
        notes.append(Note("The mail is encrypted; only its headers were read.", lost=True))
    headers = {name: _header(message, name) for name in ("Subject", *_SHOWN_HEADERS)}
    attached = [name for name, _ in _mail_attachments(message)]
    return _rich_text(headers, bodies, attached, pictures, (*notes, *missing_pictures(missing)))


def read_web_archive(path: Path, max_megapixels: int) -> RichText:
    """Return the page of an MHTML file. Raise Unreadable if it has none."""
    [message, *_] = _parse(path)
    page = next((part for part in message.walk() if part.get_content_type() == "text/html"), None)
    if page is None:
        raise Unreadable("The web archive has no page.", "Save the page again, or print it as a PDF.")
    pictures = FilePictures(_Resources([message]).find, max_megapixels)
    simple = page_parts(_decode_page(page), pictures.tag)
    title = simple.title or _header(message, "Subject")
    return RichText(simple.parts, pictures, title, missing_pictures(simple.missing_pictures))


def mail_attachments(path: Path, media_type: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of a mail's attachments; attached mails are EML files. Names are not paths.

    Pictures shown in the text are not attachments. Raise Unreadable if the mail is damaged.
    """
    if media_type == MSG:
        yield from _msg_attachments(_load_msg(path))
    else:
        for message in _parse(path):
            yield from _mail_attachments(message)


class _ShortHeaders(_Policy):
    """The default policy with a limit on the length of headers."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MAX_SOURCE_CHARS]


def _parse(path: Path) -> list[EmailMessage]:
    """Return the mail, or all mails of a mailbox."""
    data = path.read_bytes()
    starts = list(_MAILBOX_LINE.finditer(data)) if data.startswith(b"From ") else []
    ends = [*(start.start() for start in starts[1:]), len(data)]
    mails = [data[start.end() : end] for start, end in zip(starts, ends, strict=True)] if starts else [data]
    return [BytesParser(policy=_ShortHeaders()).parsebytes(mail) for mail in mails]


def _decode_page(part: Message) -> str:
    """Return a part's HTML in the encoding of its header, or in the one that the HTML declares."""
    data, charset = _content(part), part.get_content_charset("")
    return decode_markup(data, charset) if charset else decode_page(data)


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name) or "")
    except (ValueError, IndexError, AttributeError, TypeError):  # the parser of addresses raises these when damaged
        value = "\ufffd"
    if "\ufffd" in value:
        value = next((_raw(raw) for key, raw in message.raw_items() if key.lower() == name.lower()), "")
    return " ".join(value.split())[:_MAX_HEADER_CHARS]


def _raw(value: str) -> str:
    """Return a header as it was written, by old programs in an encoding that nothing declares."""
    return decode_markup(str(value).encode("utf-8", "surrogateescape"), "")


def _bodies(part: Message) -> Iterator[Message]:
    """Yield the parts whose text people see: of alternatives the best one, and no attachments."""
    kind = part.get_content_type()
    if _is_attached(part):
        return
    if kind == "multipart/alternative":
        choices = [list(_bodies(child)) for child in _children(part)]
        rich = [bodies for bodies in choices if any(body.get_content_type() == "text/html" for body in bodies)]
        yield from next(iter(rich or [bodies for bodies in choices if bodies]), [])
    elif kind.startswith("multipart/"):
        for child in _children(part):
            yield from _bodies(child)
    elif kind in _TEXTS or (kind.startswith("message/") and kind not in _MAILS):
        yield part


def _report(part: Message) -> str:
    """Return the fields of a report, such as the one on a mail that was not delivered."""
    fields = (
        "\n".join(f"{name}: {' '.join(_raw(value).split())}" for name, value in child.raw_items())
        for child in _children(part)
    )
    return "\n\n".join(fields)


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)][:_MAX_PARTS] if isinstance(payload, list) else []


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(_name(part))


def _name(part: Message) -> str:
    try:
        return part.get_filename("") or ""
    except (ValueError, IndexError, AttributeError, TypeError):  # damaged headers, as above
        return "attachment"


def _content(part: Message) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _mail_attachments(message: Message) -> Iterator[tuple[str, bytes]]:
    pages = (_decode_page(part) for part in _bodies(message) if part.get_content_type() == "text/html")
    return _attachments(message, {address for page in pages for address in _shown_addresses(page)})


def _shown_addresses(page: str) -> set[str]:
    """Return the addresses of the pictures that a page shows."""
    addresses: set[str] = set()

    def find(address: str) -> str:
        addresses.update((address, unquote(address)))
        return ""

    page_parts(page, find)
    return addresses


def _attachments(part: Message, shown: Set[str]) -> Iterator[tuple[str, bytes]]:
    kind = part.get_content_type()
    if kind in _MAILS:
        for child in _children(part):
            subject = _header(child, "Subject") if isinstance(child, EmailMessage) else ""
            yield _file_name(f"{subject or 'mail'}.eml"), child.as_bytes()
    elif kind.startswith("multipart/"):
        for child in _children(part):
            yield from _attachments(child, shown)
    elif _is_attached(part) or kind not in _TEXTS:
        is_shown = part.get_content_disposition() != "attachment" and not shown.isdisjoint(_addresses(part))
        if not is_shown and (data := _content(part)):
            yield _file_name(_name(part) or f"attachment.{kind.rpartition('/')[2]}"), data


def _file_name(name: str) -> str:
    """Return a name without folders and control characters."""
    base = re.split(r"[/\\]", name)[-1]
    return "".join(letter for letter in base if letter.isprintable()).strip(". ")[:200] or "attachment"


def _addresses(part: Message) -> Iterator[str]:
    """Yield the addresses by which a page can refer to a part of its mail."""
    if identifier := str(part.get("Content-ID", "")).strip().strip("<>"):
        yield f"cid:{identifier}"
    if location := str(part.get("Content-Location", "")).strip():
        yield location


class _Resources:
    """The pictures of a mail by the addresses its text can have for them; nothing else can be opened."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._parts: dict[str, Message] = {}
        for part in (part for message in messages for part in message.walk()):
            self._parts |= dict.fromkeys(_addresses(part), part)

    def find(self, address: str) -> bytes | None:
        part = self._parts.get(address) or self._parts.get(unquote(address))
        return data_address(address) if part is None else _content(part)


def _rich_text(
    headers: Mapping[str, str],
    bodies: Sequence[str],
    attached: Sequence[str],
    pictures: FilePictures,
    notes: tuple[Note, ...],
) -> RichText:
    subject = headers["Subject"]
    lines = [
        f"<b>{name}:</b> {html.escape(headers[name], quote=False)}" for name in _SHOWN_HEADERS if headers.get(name)
    ]
    lines += [f"<b>Attachments:</b> {html.escape(', '.join(attached), quote=False)}"] if attached else []
    head = (f"<h1>{html.escape(subject, quote=False)}</h1>" if subject else "") + f"<p>{'<br>'.join(lines)}</p>"
    if not lines and not any(bodies):
        raise Unreadable("The mail is empty or damaged.", "Export it again.")
    return RichText([head, *bodies], pictures, subject, notes)


def _load_msg(path: Path) -> Any:
    from oxmsg import Message as OutlookMessage

    try:
        return OutlookMessage.load(str(path))
    except Exception as error:  # the library raises anything on damaged files
        raise Unreadable("The mail is damaged and can't be opened.", "Export it from Outlook again.") from error


def _read_msg(path: Path, max_megapixels: int) -> RichText:
    message = _load_msg(path)
    sent = message.sent_date
    people = [f"{person.name} <{person.email_address}>" for person in message.recipients]
    given = message.message_headers
    headers = {
        "Subject": message.subject,
        "From": message.sender or "",
        "To": given.get("To") or ", ".join(people),
        "Cc": given.get("Cc") or "",
        "Date": given.get("Date") or (sent.strftime("%Y-%m-%d %H:%M UTC") if sent else ""),
    }
    headers = {name: " ".join(value.split())[:_MAX_HEADER_CHARS] for name, value in headers.items()}
    attachments = message.attachments
    pictures = FilePictures(lambda address: _msg_picture(attachments, address), max_megapixels)
    notes: list[Note] = []
    missing = 0
    if (page := _msg_page(message)) is not None:
        simple = page_parts(page, pictures.tag)
        bodies, missing = simple.parts, simple.missing_pictures
    else:
        bodies = [paragraphs(message.body or "")]
    if any(attachment.file_bytes is None for attachment in attachments):
        notes.append(Note("A mail attached to this one wasn't read. Save it as its own file and share it.", lost=True))
    attached = [name for name, _ in _msg_attachments(message)]
    return _rich_text(headers, bodies, attached, pictures, (*notes, *missing_pictures(missing)))


def _msg_attachments(message: Any) -> Iterator[tuple[str, bytes]]:
    shown = _shown_addresses(_msg_page(message) or "")
    for attachment in message.attachments:
        identifier = attachment.properties.str_prop_value(_CONTENT_ID)
        if attachment.file_bytes and f"cid:{identifier}" not in shown:
            yield _file_name(attachment.file_name or "attachment"), attachment.file_bytes


def _msg_page(message: Any) -> str | None:
    try:
        page = message.html_body
    except (LookupError, UnicodeDecodeError):  # an unknown or wrong code page
        return None
    return page if page and page.strip() else None


_CONTENT_ID = 0x3712
"""The property of an Outlook attachment by which its mail refers to it (MS-OXPROPS, PidTagAttachContentId)."""


def _msg_picture(attachments: Sequence[Any], address: str) -> bytes | None:
    for attachment in attachments:
        if address == f"cid:{attachment.properties.str_prop_value(_CONTENT_ID)}":
            data: bytes | None = attachment.file_bytes
            return data
    return data_address(address)
