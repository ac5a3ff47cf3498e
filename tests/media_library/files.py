"""Small real files of every type that the library takes, and of many that it does not."""

import io
import struct
import wave
import zipfile
import zlib

import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()


def picture(
    format: str = "JPEG", size: tuple[int, int] = (64, 48), colour="red", **options
) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, format, **options)
    return target.getvalue()


def noise(format: str, size: tuple[int, int] = (64, 48), **options) -> bytes:
    """A picture that hardly compresses, so that a cut anywhere goes through its pixels."""
    target = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(target, format, **options)
    return target.getvalue()


def animation(format: str, frames: int = 4, **options) -> bytes:
    target = io.BytesIO()
    pictures = [Image.effect_noise((40, 30), 60 + n).convert("RGB") for n in range(frames)]
    pictures[0].save(target, format, save_all=True, append_images=pictures[1:], **options)
    return target.getvalue()


def turned_jpeg() -> bytes:
    """64×48 in the file, shown 48×64."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture(exif=exif)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_bomb(side: int = 20_000) -> bytes:
    """All of its pixels are there, in 50 kB."""
    return png(side, side, zlib.compress(bytes((side + 7) // 8 + 1) * side))


def gif_bomb() -> bytes:
    small = picture("GIF")
    return small[:6] + struct.pack("<HH", 60_000, 60_000) + small[10:]


def jpeg_of_scans(scans: int) -> bytes:
    """A progressive picture of 4 megapixels whose last scan is repeated."""
    target = io.BytesIO()
    Image.new("L", (2000, 2000), 128).save(target, "JPEG", progressive=True)
    data = target.getvalue()
    last = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + last * scans + data[-2:]


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + name + body


def iso_media(brand: bytes, *tracks: bytes, media: bytes = b"\0" * 400) -> bytes:
    handlers = [
        box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), track, bytes(13)))) for track in tracks
    ]
    moov = box(b"moov", box(b"mvhd", bytes(100)), *handlers)
    return box(b"ftyp", brand, bytes(4), brand, b"isom") + moov + box(b"mdat", media)


def mp4(*tracks: bytes) -> bytes:
    return iso_media(b"mp42", *(tracks or (b"vide", b"soun")))


def ogg(codec: bytes = b"OpusHead\1\2", pages: int = 3, position: int = 0) -> bytes:
    """`position` is where the sound ends, by every page but the first."""

    def page(number: int, flags: int, body: bytes) -> bytes:
        place = position if number else 0
        head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, place, 7, number, 0, 1)
        return head + bytes([len(body)]) + body

    first = page(0, 2, codec.ljust(30, b"\0"))
    return first + b"".join(page(n, 0, bytes(200)) for n in range(1, pages))


def ebml(identity: bytes, body: bytes) -> bytes:
    return identity + (0x4000 | len(body)).to_bytes(2, "big") + body


def webm(
    *codecs: bytes, doctype: bytes = b"webm", endless: bool = False, size: tuple[int, int] = (0, 0)
) -> bytes:
    width, height = (each.to_bytes(4, "big") for each in size)
    picture = ebml(b"\xe0", ebml(b"\xb0", width) + ebml(b"\xba", height)) if all(size) else b""
    header = ebml(b"\x1a\x45\xdf\xa3", ebml(b"\x42\x82", doctype))
    entries = (ebml(b"\xae", ebml(b"\x86", codec) + picture) for codec in codecs)
    blocks = ebml(b"\xe7", b"\0") + ebml(b"\xa3", b"\x81\0\0\x80" + bytes(300))
    segment = ebml(b"\x16\x54\xae\x6b", b"".join(entries)) + ebml(b"\x1f\x43\xb6\x75", blocks)
    if endless:
        return header + b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7 + segment
    return header + ebml(b"\x18\x53\x80\x67", segment)


def wav(seconds: float = 0.1) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(int(8000 * seconds) * 2))
    return target.getvalue()


MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
ID3 = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10)
ADTS_FRAME = b"\xff\xf1\x50\x80\x04\x1f\xfc" + bytes(25)


def mp3(frames: int = 4, tag: bytes = ID3) -> bytes:
    return tag + MP3_FRAME * frames


def aac(frames: int = 4) -> bytes:
    return ADTS_FRAME * frames


def amr(frames: int = 4) -> bytes:
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * frames


def pdf() -> bytes:
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


OOXML = "application/vnd.openxmlformats-officedocument."


def office(part: str, kind: str) -> bytes:
    """A docx, xlsx or pptx as far as its listing goes."""
    listing = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{part}" ContentType="{kind}"/></Types>'
    )
    return zipped({"[Content_Types].xml": listing, "_rels/.rels": "<x/>", part: "<x/>"})


def zipped(members: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def docx() -> bytes:
    return office("word/document.xml", f"{OOXML}wordprocessingml.document.main+xml")


def xlsx() -> bytes:
    return office("xl/workbook.xml", f"{OOXML}spreadsheetml.sheet.main+xml")


def pptx() -> bytes:
    return office("ppt/presentation.xml", f"{OOXML}presentationml.presentation.main+xml")


def compound(stream: str, nested: str = "") -> bytes:
    """An OLE file with one stream at its top, and perhaps one in a storage below."""
    none = 0xFFFFFFFF

    def entry(name: str, left: int = none, right: int = none, child: int = none) -> bytes:
        raw = name.encode("utf-16-le")
        links = struct.pack("<III", left, right, child)
        return raw.ljust(64, b"\0") + struct.pack("<H", len(raw) + 2) + b"\5\1" + links + bytes(48)

    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHH", 62, 3, 0xFFFE)
    header += struct.pack("<HH", 9, 6) + bytes(10) + struct.pack("<II", 1, 1) + bytes(24)
    header = header.ljust(76, b"\0") + struct.pack("<I", 0) + b"\xff" * (108 * 4)
    table = struct.pack("<II", 0xFFFFFFFD, 0xFFFFFFFE).ljust(512, b"\xff")
    entries = [entry("Root Entry", child=1), entry(stream, right=2)]
    entries += [entry("ObjectPool", child=3), entry(nested)] if nested else [entry("1Table")]
    return header + table + b"".join(entries).ljust(512, b"\0")


CSV = b"name,phone\nJane,1\nJoe,2\nJim,3\n"
TEXT = "Grüße aus Köln,\nbis bald.\n".encode()
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><html><body><script>alert(1)</script></body></html>"


def gif_polyglot() -> bytes:
    """A GIF that decodes, with a page behind its end."""
    return picture("GIF") + b"/*" + HTML + b"*/"
