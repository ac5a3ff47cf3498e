"""Small files that ask for much, or are two things at once."""

import struct
import zlib
from functools import cache

from tests.media_library import files, papers, photos

MEGABYTE = 1 << 20
HEAD = files.box(b"ftyp", b"mp42", bytes(4))


@cache
def zeros(megabytes: int) -> bytes:
    """Deflated, a thousandth of that."""
    packer = zlib.compressobj(9)
    block = bytes(MEGABYTE)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def png_with(kind: bytes, head: bytes) -> bytes:
    body = files.picture("PNG")
    return body[:33] + files.png_chunk(kind, head + zeros(200)) + body[33:]


def jpeg_of(width: int, height: int) -> bytes:
    body = files.picture()
    at = body.index(b"\xff\xc0") + 5
    return body[:at] + struct.pack(">HH", height, width) + body[at + 4 :]


def webp_of(side: int) -> bytes:
    body = files.animation("WEBP")
    assert body[12:16] == b"VP8X"
    edge = (side - 1).to_bytes(3, "little")
    return body[:24] + edge + edge + body[30:]


def heic_of(side: int) -> bytes:
    body = files.picture("HEIF")
    at = body.index(b"ispe") + 8
    return body[:at] + struct.pack(">II", side, side) + body[at + 8 :]


def gif_of_frames(frames: int) -> bytes:
    body = files.picture("GIF")
    at = body.index(b"\x2c", 13 + 3 * 4)
    tiny = b"\x2c" + bytes(4) + struct.pack("<HHB", 1, 1, 0) + b"\2\2\x44\1\0"
    return body[:at] + tiny * frames + b"\x3b"


def pdf_of_bombs(streams: int) -> bytes:
    packed = zeros(100)
    stream = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode >>\nstream\n" + packed
    return papers.pdf_of(2, before=(b"9 0 obj\n" + stream + b"\nendstream\nendobj\n") * streams)


def pdf_of_trees(trees: int) -> bytes:
    """None of them is ever closed."""
    return b"%PDF-1.4\n" + b"/Type /Pages /Count 1 " * trees + b"\n%%EOF\n"


def track(*tables: bytes) -> bytes:
    handler = files.box(b"hdlr", bytes(8), b"vide", bytes(13))
    media = files.box(b"mdia", handler, files.box(b"minf", files.box(b"stbl", *tables)))
    return HEAD + files.box(b"moov", files.box(b"trak", media)) + files.box(b"mdat", bytes(64))


ENDLESS = struct.pack(">I", 0xFFFFFFFF)
CHUNK = files.box(b"stco", bytes(4), struct.pack(">II", 1, 0))
RUNS = files.box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, 0xFFFFFFFF, 1))

FILMS = {
    "a box longer than any file": HEAD + struct.pack(">I4sQ", 1, b"moov", (1 << 64) - 8),
    "a box shorter than its head": HEAD + struct.pack(">I4s", 4, b"moov"),
    "a box that ends before it begins": HEAD + struct.pack(">I4sQ", 1, b"moov", 8),
    "chunks without end": track(files.box(b"stco", bytes(4), ENDLESS)),
    "wide chunks without end": track(files.box(b"co64", bytes(4), ENDLESS)),
    "sizes without end": track(CHUNK, RUNS, files.box(b"stsz", bytes(8), ENDLESS)),
    "samples without end": track(
        CHUNK, RUNS, files.box(b"stsz", bytes(4), struct.pack(">II", 0xFFFFFFFF, 0xFFFFFFFF))
    ),
    "runs without end": track(
        CHUNK, files.box(b"stsc", bytes(4), ENDLESS), files.box(b"stsz", bytes(8), ENDLESS)
    ),
    "a long table of chunks": track(
        files.box(b"stco", bytes(4), struct.pack(">I", 4_500_000), bytes(18_000_000))
    ),
    "a fragment of endless samples": files.mp4()
    + files.box(
        b"moof",
        files.box(
            b"traf",
            files.box(b"tfhd", bytes(4), struct.pack(">I", 1)),
            files.box(b"trun", struct.pack(">II", 0x100, 0xFFFFFFFF)),
        ),
    ),
    "fragments of tiny boxes": files.mp4() + files.box(b"moof", files.box(b"traf") * 500_000),
    "tracks of tiny boxes": HEAD
    + files.box(b"moov", files.box(b"trak", files.box(b"x") * 9) * 20_000),
    "ebml without end": files.webm(b"V_VP9", endless=True) + b"\x42\x86\x80" * 1_000_000,
    "webm in webm": b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm"
    + b"\x18\x53\x80\x67\x01"
    + b"\xff" * 7 * 2000,
}

PICTURES = {
    "png of a giant": files.png_bomb(),
    "png of packed words": png_with(b"zTXt", b"Comment\0\0"),
    "png of packed words in unicode": png_with(b"iTXt", b"Comment\0\1\0\0\0"),
    "png of a packed profile": png_with(b"iCCP", b"icc\0\0"),
    "jpeg of a giant": jpeg_of(65_500, 65_500),
    "jpeg of scans": files.jpeg_of_scans(2000),
    "webp of a giant": webp_of(16_384),
    "heic of a giant": heic_of(60_000),
    "gif of a giant": files.gif_bomb(),
    "gif of frames without end": gif_of_frames(1_000_000),
    "gif that does not end": gif_of_frames(100)[:-1],
}

POSING = {
    "zip as pdf": files.zipped({"a.pdf": "%PDF-1.4"}),
    "zip before a pdf": files.zipped({"a": "b"}) + papers.pdf_of(1),
    "zip as docx": files.zipped({"word/document.xml": "<x/>", "evil.exe": "MZ"}),
    "pdf cut in two": papers.pdf_of(3)[:-30],
    "a list of streams": b"#EXTM3U\n#EXTINF:10,\nhttp://169.254.169.254/latest/meta-data\n",
    "a list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "a list of songs": b"[playlist]\nFile1=http://127.0.0.1/a.mp3\n",
    "a list of streams with a mark": b"\xef\xbb\xbf#EXTM3U\nfile:///etc/passwd\n",
    "svg": files.SVG,
    "a song that is all tag": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(2000),
    "a film that is a page": HEAD + files.HTML,
}

HANDLED = {
    "a song under a giant tag": (
        b"ID3\4\0\0\0\x05\0\0" + b"X" * (5 << 14) + files.MP3_FRAME * 4,
        "audio",
    ),
    "a pdf of bombs": (pdf_of_bombs(40), "document"),
    "a pdf of trees": (pdf_of_trees(200_000), "document"),
    "a gif and a page": (files.gif_polyglot(), "image"),
    "a jpeg and a zip": (files.picture() + files.zipped({"a": "b"}), "image"),
    "a jpeg and a page": (
        files.picture()[:2] + b"\xff\xfe\0\x48" + files.HTML.ljust(70) + files.picture()[2:],
        "image",
    ),
    "a picture of a place": (photos.photo("JPEG"), "image"),
}
