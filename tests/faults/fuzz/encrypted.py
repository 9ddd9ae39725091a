"""A one-page PDF encrypted with 40-bit RC4, built by hand because libraries use a random salt."""

from __future__ import annotations

import hashlib

_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_ID = bytes(range(16))
_PERMISSIONS = -4


def encrypted_pdf(password: str) -> bytes:
    """Return the PDF. It needs the password to open, unless the password is empty."""
    user = (password.encode() + _PAD)[:32]
    owner = _rc4(hashlib.md5(_PAD).digest()[:5], user)
    permissions = (_PERMISSIONS & 0xFFFFFFFF).to_bytes(4, "little")
    key = hashlib.md5(user + owner + permissions + _ID).digest()[:5]
    text = b"BT /F1 18 Tf 60 700 Td (The vault opens on the ninth of May.) Tj ET"
    content = _rc4(hashlib.md5(key + (4).to_bytes(3, "little") + b"\0\0").digest()[:10], text)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Filter/Standard/V 1/R 2/Length 40/P %d/O<%s>/U<%s>>>"
        % (_PERMISSIONS, owner.hex().encode(), _rc4(key, _PAD).hex().encode()),
    ]
    pdf = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(pdf)
    pdf += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    pdf += b"trailer\n<</Size %d/Root 1 0 R/Encrypt 6 0 R/ID[<%s><%s>]>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        _ID.hex().encode(),
        _ID.hex().encode(),
        start,
    )
    return bytes(pdf)


def _rc4(key: bytes, text: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out = bytearray()
    i = j = 0
    for byte in text:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
