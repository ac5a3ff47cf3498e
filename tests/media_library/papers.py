"""PDFs whose page tree stands in the open, or in a compressed stream of objects."""

import zlib


def pdf_of(pages: int, packed: bool = False, before: bytes = b"") -> bytes:
    """`before` stands in front of the objects, such as an older tree."""
    kids = b" ".join(b"%d 0 R" % (10 + page) for page in range(pages))
    objects = {1: b"<< /Type /Catalog /Pages 2 0 R >>"}
    objects[2] = b"<< /Type /Pages /Kids [ " + kids + b" ] /Count %d >>" % pages
    for page in range(pages):
        objects[10 + page] = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>"
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % item for item in objects.items())
    if packed:
        body = b"30 0 obj\n" + object_stream(objects) + b"\nendobj\n"
    return b"%PDF-1.7\n" + before + body + b"trailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"


def object_stream(objects: dict[int, bytes]) -> bytes:
    places, at = [], 0
    for number, each in objects.items():
        places.append(b"%d %d" % (number, at))
        at += len(each) + 1
    head = b" ".join(places) + b" "
    packed = zlib.compress(head + b" ".join(objects.values()))
    words = (len(objects), len(head), len(packed))
    return (
        b"<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d >>\nstream\n" % words
        + packed
        + b"\nendstream"
    )
