"""What gives a person away is not in what is stored and served; all else is, bit for bit."""

import hashlib
import io
import struct
from contextlib import suppress
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inro.common.errors import Refused
from media_library.models import Blob
from media_library.sniffing import sniff
from media_library.stripping import edits_of, pieces
from media_library.stripping.edits import Edit
from tests.media_library import files, photos
from tests.media_library.conftest import stored, upload, upload_url
from tests.media_library.recordings import recording

# What is judged are bytes: the database makes no difference.
pytestmark = pytest.mark.once

PLACE = b"+52.5200+013.4050/"


def kept_of(api, body: bytes) -> bytes:
    """What is stored of an upload; that it is what the answer, the row and the address say."""
    answer = upload(api, body)
    assert answer.status_code == 201, answer.content
    (path,) = stored()
    kept = path.read_bytes()
    shown, blob = answer.json(), Blob.objects.get()
    digest = hashlib.sha256(kept).hexdigest()
    assert (shown["size"], shown["sha256"]) == (len(kept), digest)
    assert (blob.size, blob.sha256) == (len(kept), digest)
    assert blob.details.get("stripped", False) == (kept != body)
    served = api.get(shown["url"].removeprefix("http://testserver"))
    assert b"".join(served) == kept
    return kept


def pixels(body: bytes) -> list[bytes]:
    """Every frame, undisturbed by what stands beside it."""
    with Image.open(io.BytesIO(body)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(image.convert("RGBA").tobytes())
    return frames


def assert_tells_nothing(body: bytes) -> None:
    assert not [secret for secret in photos.SECRETS if secret in body]
    with Image.open(io.BytesIO(body)) as image:
        tags = image.getexif()
        assert set(tags) <= {0x0112}
        assert dict(tags.get_ifd(0x8825)) == {}
        assert not (image.info.get("xmp") or b"").strip()
        assert not {"comment", "Author", "Comment", "XML:com.adobe.xmp"} & set(image.info)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "HEIF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_photos(api, format, orientation):
    body = photos.photo(format, orientation)
    assert any(secret in body for secret in photos.SECRETS)
    kept = kept_of(api, body)
    assert_tells_nothing(kept)
    assert pixels(kept) == pixels(body)
    with Image.open(io.BytesIO(kept)) as image, Image.open(io.BytesIO(body)) as original:
        assert image.info["icc_profile"] == original.info["icc_profile"] == photos.icc()
        assert image.getexif().get(0x0112, 1) == original.getexif().get(0x0112, 1)
        assert (orientation if format != "HEIF" else 1) == image.getexif().get(0x0112, 1)


def test_a_gif_without_its_words_goes_round_as_before(api):
    body = photos.gif_with_comment()
    kept = kept_of(api, body)
    assert_tells_nothing(kept)
    assert kept == body.replace(b"\x21\xfe\x0dTaken at home\0", b"").replace(
        b"\x21\xff\x0bXMP DataXMP" + photos.XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0", b""
    )
    assert pixels(kept) == pixels(body)
    assert len(pixels(kept)) == 4


def test_jpeg_keeps_what_its_colours_need(api):
    """Adobe's segment says how four colours are to be read."""
    body = photos.cmyk_jpeg()
    assert b"Adobe" in body
    noted = body[:2] + b"\xff\xfe\0\x0fTaken at home" + body[2:]
    assert kept_of(api, noted) == body


def test_segments_between_the_scans_of_a_jpeg_go_too(api):
    body = files.noise("JPEG", progressive=True)
    at = body.rindex(b"\xff\xda")
    noted = body[:at] + b"\xff\xfe\0\x0fTaken at home" + body[at:]
    assert kept_of(api, noted) == body


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize(
    "behind", [photos.photo("JPEG"), files.mp4(), files.zipped({"a": "b"}), files.HTML, b"\0"]
)
def test_what_comes_behind_the_end_of_a_picture_goes(api, format, behind):
    body = files.noise(format)
    assert kept_of(api, body + behind) == body


@pytest.mark.parametrize("behind", [photos.photo("JPEG"), files.HTML])
def test_what_comes_behind_the_end_of_a_heic_goes(api, behind):
    body = files.noise("HEIF")
    kept = kept_of(api, body + behind)
    assert kept.startswith(body)
    assert not [secret for secret in (*photos.SECRETS, b"script") if secret in kept]


@pytest.mark.parametrize(
    "body",
    [
        *(files.noise(format) for format in ("JPEG", "PNG", "GIF", "WEBP", "HEIF")),
        files.animation("PNG"),
        files.animation("WEBP"),
        recording("mp4", "libx264", "aac"),
        recording("ogg", "", "libopus"),
        files.mp3(),
    ],
    ids=["jpeg", "png", "gif", "webp", "heic", "apng", "moving webp", "mp4", "ogg", "mp3"],
)
def test_what_tells_nothing_is_stored_as_it_came(api, body):
    assert kept_of(api, body) == body


def packets(body: bytes) -> list[tuple[int, bytes]]:
    with av.open(io.BytesIO(body), "r") as container:
        return [(packet.stream_index, bytes(packet)) for packet in container.demux() if packet.size]


def film(format: str, metadata: dict[str, str], **options: Any) -> bytes:
    body = recording(format, "libx264", "aac", metadata=metadata, **options)
    assert places(body)
    return body


def places(body: bytes) -> list[str]:
    """What ffmpeg finds of where it was made: also as numbers, which no text shows."""
    with av.open(io.BytesIO(body), "r") as container:
        found = (container.metadata, *(stream.metadata for stream in container.streams))
        return [value for each in found for key, value in each.items() if "location" in key]


FILMS = {
    "mp4": film("mp4", {"location": PLACE.decode()}),
    "mov": film("mov", {"location": PLACE.decode()}),
    "mov of a phone": film(
        "mov",
        {"com.apple.quicktime.location.ISO6709": PLACE.decode(), "title": "A walk"},
        movflags="use_metadata_tags",
    ),
    "3gp": film("3gp", {"location": PLACE.decode()}),
}


@pytest.mark.parametrize("body", FILMS.values(), ids=FILMS)
def test_films(api, body):
    kept = kept_of(api, body)
    assert PLACE not in kept
    assert len(kept) == len(body), "nothing moves"
    assert packets(kept) == packets(body)
    assert places(kept) == []
    assert kept != body


def test_a_title_stays(api):
    assert b"A walk" in kept_of(api, FILMS["mov of a phone"])


LOCI = files.box(b"loci", bytes(6), b"Home\0", PLACE)
XMP_UUID = files.box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), photos.XMP)


@pytest.mark.parametrize(
    "moov",
    [
        files.box(b"udta", LOCI),
        files.box(b"udta", files.box(b"\xa9xyz", struct.pack(">HH", 18, 0), PLACE), bytes(4)),
        files.box(b"udta", LOCI, b"no box at all"),
        files.box(b"trak", files.box(b"udta", LOCI)),
        XMP_UUID,
        files.box(b"udta", files.box(b"XMP_", photos.XMP)),
    ],
    ids=["loci", "ended by a zero", "garbled", "of a track", "xmp", "xmp of QuickTime"],
)
def test_places_in_boxes_of_every_kind(api, moov):
    head = files.box(b"ftyp", b"mp42", bytes(4))
    body = head + files.box(b"moov", moov) + files.box(b"mdat", b"pictures")
    kept = kept_of(api, body)
    assert len(kept) == len(body)
    assert not [secret for secret in (PLACE, b"Home", b"52.52") if secret in kept]
    assert kept.endswith(b"pictures")


def test_xmp_beside_a_film(api):
    body = files.mp4() + XMP_UUID
    assert kept_of(api, body) == files.mp4() + files.box(b"free", bytes(len(XMP_UUID) - 8))


def frame(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">IH", len(content), 0) + content


def test_a_song_keeps_its_names_and_loses_what_programs_left_there(api):
    title = frame(b"TIT2", b"\0A song")
    private = frame(b"PRIV", b"WM/UniqueFileIdentifier\0AMGa_id=4711")
    tag = private + title + frame(b"GEOB", b"\0Taken at home") + bytes(20)

    def song(frames: bytes) -> bytes:
        size = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
        return b"ID3\3\0\0" + size + frames + files.MP3_FRAME * 4

    kept = kept_of(api, song(tag))
    assert kept == song(title + bytes(len(tag) - len(title)))


def test_two_uploads_of_one_original_share_their_bytes(api, workers, serve):
    body = photos.photo("JPEG", 6)
    first = upload(api, body).json()
    second = upload(api, body).json()
    third = upload_url(api, serve(body)).json()
    fourth = upload(api, stored()[0].read_bytes()).json()
    assert len({each["sha256"] for each in (first, second, third, fourth)}) == 1
    assert (Blob.objects.count(), len(stored())) == (1, 1)


def strip(body: bytes) -> bytes:
    edits = edits_of(body, sniff(io.BytesIO(body), body))
    return b"".join(pieces(io.BytesIO(body), edits))


@pytest.mark.parametrize(
    "body",
    [
        *(photos.photo(each, 6) for each in ("JPEG", "PNG", "WEBP", "HEIF")),
        photos.gif_with_comment(),
        *FILMS.values(),
    ],
)
def test_what_was_stripped_has_nothing_more_to_strip(body):
    once = strip(body)
    assert once != body
    assert strip(once) == once


@given(st.data())
def test_a_garbled_photo_is_refused_or_tells_nothing(data):
    """Wherever bytes are wrong, the answer is never a fault of ours."""
    body = bytearray(data.draw(st.sampled_from(list(GARBLED))))
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Refused):
        once = strip(bytes(body))
        assert strip(once) == once


GARBLED = (
    *(photos.photo(each, 6, (16, 16)) for each in ("JPEG", "PNG", "WEBP", "HEIF")),
    photos.gif_with_comment(),
    *FILMS.values(),
)


@given(st.binary(max_size=60), st.data())
def test_edits_change_what_they_name_and_nothing_else(body, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    edits = [
        Edit(start, stop, data.draw(st.binary(max_size=4)))
        for start, stop in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    expected, at = b"", 0
    for edit in edits:
        expected += body[at : edit.start] + edit.instead
        at = edit.stop
    assert b"".join(pieces(io.BytesIO(body), edits)) == expected + body[at:]
