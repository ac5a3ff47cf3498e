"""From bytes to facts. Names and headers are hints that other modules weigh; here they are unknown.

The first bytes choose a probe, and the probe has to find the rest of such a file. What begins like
none of them is text, or nothing that the library takes.
"""

from typing import BinaryIO

from media_library.sniffing import archives, audio, images, iso, mp3, ogg, pdf, text, webm
from media_library.sniffing.facts import Bytes, Details, Facts, Probe, Sample

_PRINTABLE = frozenset(b"\t\r\n") | frozenset(range(0x20, 0x7F))

__all__ = ["Details", "Facts", "sniff"]

_PROBES: tuple[tuple[int, bytes, Probe], ...] = (
    (0, b"\xff\xd8\xff", images.jpeg),
    (0, b"\x89PNG\r\n\x1a\n", images.png),
    (0, b"GIF87a", images.gif),
    (0, b"GIF89a", images.gif),
    (8, b"WEBP", images.webp),
    (8, b"WAVE", audio.wav),
    (0, b"ID3", mp3.mp3),
    *((0, bytes((0xFF, second)), mp3.mp3) for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2)),
    *((0, bytes((0xFF, second)), audio.adts) for second in (0xF0, 0xF1, 0xF8, 0xF9)),
    (0, b"#!AMR", audio.amr),
    (0, b"OggS", ogg.ogg),
    (0, b"\x1a\x45\xdf\xa3", webm.webm),
    (4, b"ftyp", iso.iso_media),
    *((4, kind, iso.quicktime) for kind in (b"moov", b"mdat", b"wide", b"free", b"skip")),
    (0, b"%PDF-", pdf.pdf),
    (0, b"PK\x03\x04", archives.office_zip),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", archives.office_binary),
)


def sniff(file: BinaryIO, data: Bytes) -> Facts:
    """What `file` is; `data` is what it holds. Raises Refused (`unsupported_media`)."""
    sample = Sample(data, file)
    for at, signature, probe in _PROBES:
        if data[at : at + len(signature)] == signature and not _is_prose(data, at):
            return probe(sample)
    return text.plain(sample)


def _is_prose(data: Bytes, at: int) -> bool:
    """Whether a signature is a word of a text: letters among nothing but printable ones."""
    head = data[:64]
    return (at > 0 or head[:3] == b"ID3") and all(byte in _PRINTABLE for byte in head)
