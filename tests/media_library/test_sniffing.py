"""Which bytes come in, as what; always through the upload."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_library.models import Blob
from tests.media_library import files
from tests.media_library.conftest import (
    assert_nothing_left,
    details,
    error_code,
    stored,
    upload,
)

# What is judged are bytes: the database makes no difference.
pytestmark = pytest.mark.once

OOXML = files.OOXML

ACCEPTED = {
    "jpeg": (files.picture(), "image", "image/jpeg"),
    "progressive jpeg": (files.noise("JPEG", progressive=True), "image", "image/jpeg"),
    "png": (files.picture("PNG"), "image", "image/png"),
    "gif": (files.picture("GIF"), "image", "image/gif"),
    "animated gif": (files.animation("GIF"), "image", "image/gif"),
    "webp": (files.picture("WEBP"), "image", "image/webp"),
    "animated webp": (files.animation("WEBP"), "image", "image/webp"),
    "heic": (files.picture("HEIF"), "image", "image/heic"),
    "animated png": (files.animation("PNG"), "image", "image/png"),
    "mp3": (files.mp3(), "audio", "audio/mpeg"),
    "mp3 without a tag": (files.mp3(tag=b""), "audio", "audio/mpeg"),
    "mp3 with an old tag": (files.mp3() + b"TAG" + bytes(125), "audio", "audio/mpeg"),
    "m4a": (files.iso_media(b"M4A ", b"soun"), "audio", "audio/mp4"),
    "m4a by its brand": (files.iso_media(b"M4A "), "audio", "audio/mp4"),
    "aac": (files.aac(), "audio", "audio/aac"),
    "opus": (files.ogg(), "audio", "audio/ogg"),
    "vorbis": (files.ogg(b"\x01vorbis"), "audio", "audio/ogg"),
    "wav": (files.wav(), "audio", "audio/wav"),
    "amr": (files.amr(), "audio", "audio/amr"),
    "wide amr": (b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * 3, "audio", "audio/amr"),
    "mp4": (files.mp4(), "video", "video/mp4"),
    "mp4 without pictures": (files.mp4(b"soun"), "audio", "audio/mp4"),
    "mov": (files.iso_media(b"qt  ", b"vide"), "video", "video/quicktime"),
    "old mov": (files.mp4()[24:], "video", "video/quicktime"),
    "webm": (files.webm(b"V_VP9", b"A_OPUS"), "video", "video/webm"),
    "recorded webm": (files.webm(b"V_VP8", endless=True), "video", "video/webm"),
    "webm without pictures": (files.webm(b"A_OPUS"), "audio", "audio/webm"),
    "3gp": (files.iso_media(b"3gp5", b"vide"), "video", "video/3gpp"),
    "theora": (files.ogg(b"\x80theora"), "video", "video/ogg"),
    "pdf": (files.pdf(), "document", "application/pdf"),
    "doc": (files.compound("WordDocument"), "document", "application/msword"),
    "doc with a sheet in it": (
        files.compound("WordDocument", nested="Workbook"),
        "document",
        "application/msword",
    ),
    "xls": (files.compound("Workbook"), "document", "application/vnd.ms-excel"),
    "ppt": (
        files.compound("PowerPoint Document"),
        "document",
        "application/vnd.ms-powerpoint",
    ),
    "docx": (files.docx(), "document", f"{OOXML}wordprocessingml.document"),
    "xlsx": (files.xlsx(), "document", f"{OOXML}spreadsheetml.sheet"),
    "pptx": (files.pptx(), "document", f"{OOXML}presentationml.presentation"),
    "text": (files.TEXT, "document", "text/plain"),
    "text of one letter": (b"1", "document", "text/plain"),
    "text in an old encoding": ("Grüße\n".encode("latin-1"), "document", "text/plain"),
    "text in two bytes a letter": ("Grüße\n".encode("utf-16"), "document", "text/plain"),
    "text with an arrow": (b"<3 you\n", "document", "text/plain"),
    "csv": (files.CSV, "document", "text/csv"),
}

REFUSED = {
    "svg": files.SVG,
    "svg after a declaration": b'<?xml version="1.0"?>\n' + files.SVG,
    "svg after spaces": b"\n \t " + files.SVG,
    "svg after a byte order mark": b"\xef\xbb\xbf" + files.SVG,
    "svg in two bytes a letter": files.SVG.decode().encode("utf-16"),
    "html": files.HTML,
    "html without a doctype": b"<b>hello</b>",
    "html behind words": b"hello\n<script>alert(1)</script>",
    "html comment": b"<!-- hello --> world",
    "xml": b"<note>hello</note>",
    "php": b"hello <?php system('id'); ?>",
    "json": b'{"a": 1}',
    "rtf": b"{\\rtf1 hello}",
    "shell script": b"#!/bin/sh\necho hello\n",
    "unknown script": b"#!/usr/bin/env frobnicate\nhello\n",
    "batch file": b"@echo off\r\ndel *.*\r\n",
    "windows program": b"MZ\x90\0" + bytes(60) + b"PE\0\0" + bytes(300),
    "linux program": b"\x7fELF\x02\x01\x01" + bytes(300),
    "java class": b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(300),
    "zip": files.zipped({"a.txt": "hello"}),
    "zip that calls itself docx": files.zipped({"word/document.xml": "<x/>"}),
    "docx whose document is missing": files.zipped(
        {
            "[Content_Types].xml": '<Override PartName="/word/document.xml" '
            f'ContentType="{OOXML}wordprocessingml.document.main+xml"/>'
        }
    ),
    "docx with macros": files.office(
        "word/document.xml", "application/vnd.ms-word.document.macroEnabled.main+xml"
    ),
    "jar": files.zipped({"META-INF/MANIFEST.MF": "Main-Class: A"}),
    "installer in a compound file": files.compound("Property"),
    "gzip": b"\x1f\x8b\x08" + bytes(100),
    "tiff": files.picture("TIFF"),
    "bmp": files.picture("BMP"),
    "avif": files.iso_media(b"avif"),
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "raw photo": files.iso_media(b"crx "),
    "matroska": files.webm(b"V_VP9", doctype=b"matroska"),
    "midi": b"MThd\0\0\0\6\0\1\0\1\0\x60" + bytes(30),
    "flac": b"fLaC\0\0\0\x22" + bytes(100),
    "noise": bytes(range(256)) * 4,
    "zeros": bytes(1000),
    "text and then bytes": b"hello, this is text\n" * 4000 + b"\0\1\2",
    "html behind the start of a jpeg": b"\xff\xd8\xff" + files.HTML,
    "html behind the start of a gif": b"GIF89a" + files.HTML,
    "html behind the start of a png": b"\x89PNG\r\n\x1a\n" + files.HTML,
    "html behind the start of an mp3": files.ID3 + files.HTML,
    "html behind the start of an mp4": files.box(b"ftyp", b"mp42", bytes(4)) + files.HTML,
    "html behind the start of a pdf": b"%PDF-1.4\n" + files.HTML,
    "html behind the start of a webp": b"RIFF\x10\0\0\0WEBP" + files.HTML,
    "wav without sound": files.wav()[:36],
    "one cut mp3 frame": files.MP3_FRAME[:200],
    "one cut amr frame": files.amr()[:20],
    "compound file without a directory": files.compound("WordDocument")[:1024],
}


@pytest.mark.parametrize(("body", "kind", "mime_type"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(api, body, kind, mime_type):
    answer = upload(api, body)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    assert (shown["media_type"], shown["mime_type"]) == (kind, mime_type)
    assert shown["size"] == len(body)
    assert [path.read_bytes() for path in stored()] == [body]


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    ("name", "content_type"), [("a.jpg", "image/jpeg"), ("a.txt", "text/plain")]
)
def test_refused(api, body, name, content_type):
    answer = upload(api, body, name, content_type)
    assert answer.status_code == 400, answer.content
    assert error_code(answer) == "unsupported_media"
    assert list(details(answer)) == ["file"]
    assert_nothing_left()


def test_no_answer_tells_how_it_was_found_out(api):
    for body in REFUSED.values():
        message = upload(api, body).json()["error"]["message"]
        assert "Error" not in message
        assert "/" not in message.replace("application/", "").replace("text/", "").replace(
            "image/", ""
        ).replace("audio/", "").replace("video/", "").replace("inode/", "")


WHOLE = {
    "jpeg": files.noise("JPEG"),
    "progressive": files.noise("JPEG", progressive=True),
    "png": files.noise("PNG"),
    "gif": files.noise("GIF"),
    "animated gif": files.animation("GIF"),
    "webp": files.noise("WEBP"),
    "animated webp": files.animation("WEBP"),
    "heic": files.noise("HEIF"),
    "mp4": files.mp4(),
    "mov": files.iso_media(b"qt  ", b"vide"),
    "3gp": files.iso_media(b"3gp5", b"vide"),
    "wav": files.wav(),
    "ogg": files.ogg(pages=1),
    "webm": files.webm(b"V_VP9"),
    "pdf": files.pdf().rstrip(b"\n"),
    "docx": files.docx(),
}


def test_a_sound_cut_within_a_header(api):
    assert upload(api, WHOLE["wav"][:40], "a.wav", "audio/wav").status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        "The free plan includes three channels.",
        "Get free shipping",
        "id, free, paid\n1,2,3",
        "The New WAVE of music",
        "ID3,name\n1,x",
        "From: us\nSubject: hello\n\nA letter.",
    ],
)
def test_words_are_no_signatures(api, text):
    answer = upload(api, text.encode(), "a.txt", "text/plain")
    assert (answer.status_code, answer.json()["media_type"]) == (201, "document")


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_cut_of_a_file_comes_in(api, body, data):
    cut = data.draw(st.integers(12, len(body) - 1))
    answer = upload(api, body[:cut], "a.jpg", "image/jpeg")
    assert answer.status_code == 400, (cut, len(body))
    assert error_code(answer) == "unsupported_media"


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
def test_the_last_byte_counts(api, body):
    assert upload(api, body).status_code == 201
    assert upload(api, body[:-1]).status_code == 400


def test_animated_png_needs_all_of_its_chunks(api):
    assert upload(api, files.animation("PNG")[:-1]).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        files.png_bomb(),
        files.png(60_000, 60_000, b""),
        files.png(7_100, 7_100, b""),
        files.gif_bomb(),
    ],
    ids=["real png", "claimed png", "just above", "claimed gif"],
)
def test_decompression_bombs_are_refused_by_their_header(api, body):
    answer = upload(api, body, "bomb.png", "image/png")
    assert error_code(answer) == "unsupported_media"
    assert details(answer) == {"file": ["The image has more than 50 megapixels."]}
    assert_nothing_left()


def test_jpeg_of_endless_scans_is_refused(api):
    assert upload(api, files.jpeg_of_scans(10)).status_code == 201
    answer = upload(api, files.jpeg_of_scans(2000))
    assert details(answer) == {"file": ["The image is in too many pieces."]}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xd8" + b"\xff\xfe\0\2" * 200_000,
        b"\x89PNG\r\n\x1a\n" + files.png_chunk(b"tEXt", b"") * 200_000,
        b"GIF89a" + bytes(7) + b"\x21\xfe" + b"\1a" * 2_000_000 + b"\0\x3b",
        files.box(b"ftyp", b"mp42", bytes(4)) + files.box(b"free") * 200_000,
        files.box(b"ftyp", b"mp42", bytes(4)) + files.box(b"moov", files.box(b"free") * 200_000),
        b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 200_000,
    ],
    ids=["jpeg", "png", "gif", "mp4", "moov", "wav"],
)
def test_files_of_endless_parts_are_refused(api, body):
    answer = upload(api, body)
    assert answer.status_code == 400
    assert "too many pieces" in str(details(answer))


def test_nested_boxes_do_not_exhaust_the_stack(api):
    nested = struct.pack(">I4s", 8, b"moov")
    for depth in range(1, 3000):
        nested = struct.pack(">I4s", 8 * (depth + 1), b"moov") + nested
    assert upload(api, files.box(b"ftyp", b"mp42", bytes(4)) + nested).status_code == 201


def test_zip_with_a_huge_directory_is_refused(api):
    members = {f"{n:05}{'x' * 200}": "" for n in range(5000)}
    answer = upload(api, files.zipped({"[Content_Types].xml": "<x/>", **members}))
    assert error_code(answer) == "unsupported_media"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (files.picture(size=(64, 48)), (64, 48)),
        (files.turned_jpeg(), (48, 64)),
        (files.animation("GIF"), (40, 30)),
        (files.picture("HEIF"), (64, 48)),
        (files.mp4(), (None, None)),
        (files.pdf(), (None, None)),
    ],
    ids=["jpeg", "turned", "gif", "heic", "mp4", "pdf"],
)
def test_width_and_height_as_displayed(api, body, shown):
    answer = upload(api, body).json()
    assert (answer["width"], answer["height"]) == shown
    assert answer["duration"] is None
    assert Blob.objects.get().width == shown[0]
