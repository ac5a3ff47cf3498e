"""What is told of real files of every kind, always through the upload."""

import struct

import pytest

from media_library import limits
from media_library.models import Blob
from tests.media_library import files, papers, photos, recordings
from tests.media_library.conftest import assert_nothing_left, details, error_code, upload
from tests.media_library.recordings import recording

# What is judged are bytes: the database makes no difference.
pytestmark = pytest.mark.once


def told(api, body: bytes) -> tuple[tuple[int | None, int | None, float | None], dict]:
    answer = upload(api, body)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    return (shown["width"], shown["height"], shown["duration"]), Blob.objects.get().details


PICTURES = {
    "jpeg": (files.picture(), (64, 48), {"color": "rgb"}),
    "gray jpeg": (photos.gray_jpeg(), (64, 48), {"color": "gray"}),
    "cmyk jpeg": (photos.cmyk_jpeg(), (64, 48), {"color": "cmyk"}),
    "jpeg with orientation 6": (
        photos.photo("JPEG", 6),
        (48, 64),
        {"color": "rgb", "orientation": 6, "stripped": True},
    ),
    "jpeg with orientation 3": (
        photos.photo("JPEG", 3),
        (64, 48),
        {"color": "rgb", "orientation": 3, "stripped": True},
    ),
    "16-bit png": (
        photos.deep_png(),
        (64, 48),
        {"color": "rgb", "bits": 16, "animated": False, "has_alpha": False},
    ),
    "png that shines through": (
        photos.clear("PNG"),
        (64, 48),
        {"color": "rgb", "bits": 8, "animated": False, "has_alpha": True},
    ),
    "animated png": (
        files.animation("PNG"),
        (40, 30),
        {"color": "rgb", "bits": 8, "animated": True, "has_alpha": False},
    ),
    "gif": (
        files.picture("GIF"),
        (64, 48),
        {"color": "rgb", "animated": False, "has_alpha": False},
    ),
    "animated gif": (
        files.animation("GIF"),
        (40, 30),
        {"color": "rgb", "animated": True, "has_alpha": False},
    ),
    "webp": (
        files.picture("WEBP"),
        (64, 48),
        {"color": "rgb", "animated": False, "has_alpha": False},
    ),
    "animated webp": (
        files.animation("WEBP"),
        (40, 30),
        {"color": "rgb", "animated": True, "has_alpha": False},
    ),
    "webp that shines through": (
        photos.clear("WEBP"),
        (64, 48),
        {"color": "rgb", "animated": False, "has_alpha": True},
    ),
    "heic with a place": (
        photos.photo("HEIF"),
        (64, 48),
        {"color": "rgb", "has_alpha": False, "stripped": True},
    ),
    "heic of a phone held upright": (
        photos.photo("HEIF", 6),
        (48, 64),
        {"color": "rgb", "has_alpha": False, "stripped": True},
    ),
}


@pytest.mark.parametrize(("body", "size", "known"), PICTURES.values(), ids=PICTURES)
def test_pictures(api, body, size, known):
    assert told(api, body) == ((*size, None), known)


HIGH = {"video_codec": "h264", "video_profile": "High"}
H264 = HIGH | {"b_frames": True, "audio_codec": "aac", "channels": 1}
FILMS = {
    "mp4": (("mp4", "libx264", "aac"), {}, 2.0, H264 | {"faststart": False}),
    "mp4 for the web": (
        ("mp4", "libx264", "aac"),
        {"movflags": "faststart", "layout": "stereo"},
        2.0,
        H264 | {"faststart": True, "channels": 2},
    ),
    "mp4 in fragments": (
        ("mp4", "libx264"),
        {"movflags": "frag_keyframe+empty_moov"},
        2.0,
        HIGH | {"faststart": True},
    ),
    "mp4 in fragments with sound": (
        ("mp4", "libx264", "aac"),
        {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "200000"},
        2.08,  # the first and last frames of AAC are cut by edits, which fragments have none of
        HIGH | {"audio_codec": "aac", "channels": 1, "faststart": True},
    ),
    "hevc mov": (
        ("mov", "libx265", "aac"),
        {"x265-params": "log-level=none"},
        2.0,
        {"video_codec": "hevc", "audio_codec": "aac", "channels": 1, "faststart": False},
    ),
    "mov with bare sound": (
        ("mov", "libx264", "pcm_s16le"),
        {"layout": "stereo"},
        2.0,
        H264 | {"audio_codec": "pcm_s16le", "channels": 2, "faststart": False},
    ),
    "3gp": (
        ("3gp", "mpeg4", "aac"),
        {},
        2.0,
        {"video_codec": "mpeg4", "audio_codec": "aac", "channels": 1, "faststart": False},
    ),
    "webm": (
        ("webm", "libvpx-vp9", "libopus"),
        {},
        2.008,  # Opus rounds up to frames of 20 ms, and begins early
        {"video_codec": "vp9", "audio_codec": "opus", "channels": 1},
    ),
    "recorded webm": (
        ("webm", "libvpx"),
        {"live": "1"},
        2.0,
        {"video_codec": "vp8"},
    ),
}


PROFILES = {
    "Constrained Baseline": ({"profile": "baseline"}, "yuv420p", False),
    "Main": ({"profile": "main"}, "yuv420p", True),
    "High": ({"profile": "high", "bf": "0"}, "yuv420p", False),
    "High 10": ({"bf": "0"}, "yuv420p10le", False),
    "High 4:2:2": ({}, "yuv422p", True),
    "High 4:4:4 Predictive": ({}, "yuv444p", True),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("format", ["mp4", "mov", "3gp"])
def test_profiles_of_h264(api, format, profile):
    coding, pixels, b_frames = PROFILES[profile]
    body = recording(format, "libx264", pixels=pixels, coding=coding)
    known = {"video_codec": "h264", "video_profile": profile, "b_frames": b_frames}
    assert told(api, body)[1] == known | {"faststart": False}


@pytest.mark.parametrize(("old", "new"), [(b"avcC\x01d", b"avcC\x01\x07"), (b"avcC", b"free")])
def test_profiles_nobody_knows(api, old, new):
    body = recording("mp4", "libx264")
    assert body.count(old) == 1
    known = {"video_codec": "h264", "b_frames": True, "faststart": False}
    assert told(api, body.replace(old, new))[1] == known


@pytest.mark.parametrize(("what", "options", "seconds", "known"), FILMS.values(), ids=FILMS)
def test_films(api, what, options, seconds, known):
    assert told(api, recording(*what, **options)) == ((64, 48, seconds), known)


def test_a_film_of_a_phone_held_upright(api):
    shown, _ = told(api, recording("mp4", "libx264", "aac", upright=True))
    assert shown == (48, 64, 2.0)


SOUNDS = {
    "voice note": (("ogg", "libopus"), {}, 2.0, {"audio_codec": "opus", "channels": 1}),
    "opus in stereo": (
        ("ogg", "libopus"),
        {"layout": "stereo"},
        2.0,
        {"audio_codec": "opus", "channels": 2},
    ),
    "flac in ogg": (("ogg", "flac"), {}, 2.0, {"audio_codec": "flac", "channels": 1}),
    "m4a": (
        ("ipod", "aac"),
        {"sound_rate": 44_100},
        2.0,
        {"audio_codec": "aac", "channels": 1, "faststart": False},
    ),
    "mp3 that says its length": (
        ("mp3", "libmp3lame"),
        {"sound_rate": 44_100, "layout": "stereo"},
        2.0,
        {"audio_codec": "mp3", "channels": 2},
    ),
    "mp3 of 16 kHz": (
        ("mp3", "libmp3lame"),
        {"sound_rate": 16_000},
        2.0,
        {"audio_codec": "mp3", "channels": 1},
    ),
    "mp3 of frames": (
        ("mp3", "libmp3lame"),
        {"write_xing": "0"},
        2.04,
        {"audio_codec": "mp3", "channels": 1},
    ),
    "aac": (
        ("adts", "aac"),
        {"layout": "stereo", "sound_rate": 44_100},
        2.043,
        {"audio_codec": "aac", "channels": 2},
    ),
    "wav": (
        ("wav", "pcm_s24le"),
        {"layout": "stereo"},
        2.0,
        {"audio_codec": "pcm_s24le", "channels": 2},
    ),
    "amr": (
        ("amr", "libopencore_amrnb"),
        {"sound_rate": 8_000},
        2.02,
        {"audio_codec": "amr_nb", "channels": 1},
    ),
    "3gp of sound": (
        ("3gp", "libopencore_amrnb"),
        {"sound_rate": 8_000},
        2.0,
        {"audio_codec": "amr_nb", "channels": 1, "faststart": False},
    ),
}


@pytest.mark.parametrize(("what", "options", "seconds", "known"), SOUNDS.values(), ids=SOUNDS)
def test_sounds(api, what, options, seconds, known):
    format, codec = what
    shown, found = told(api, recording(format, "", codec, **options))
    assert (shown, found) == ((None, None, seconds), known)


def test_vorbis(api):
    head = b"\x01vorbis" + struct.pack("<IBI", 0, 2, 44_100) + bytes(14)
    body = files.ogg(head, position=44_100 * 3)
    assert told(api, body) == ((None, None, 3.0), {"audio_codec": "vorbis", "channels": 2})


def test_theora(api):
    """Positions are those of the last key frame, and how many frames came since."""
    head = b"\x80theora\x03\x02\x01" + struct.pack(">HH", 20, 15)
    head += (320).to_bytes(3, "big") + (240).to_bytes(3, "big") + bytes(2)
    head += struct.pack(">II", 25, 1) + bytes(10) + struct.pack(">H", 6 << 5)
    body = files.ogg(head, position=(70 << 6) + 5)
    assert told(api, body) == ((320, 240, 3.0), {"video_codec": "theora"})


def test_mp3_of_fraunhofer(api):
    frame = files.MP3_FRAME
    vbri = frame[:36] + b"VBRI" + struct.pack(">HHHII", 1, 0, 75, 4_170, 100) + frame[54:]
    assert told(api, vbri + frame * 9)[0] == (None, None, round(100 * 1152 / 44_100, 3))


def test_a_long_mp3_is_estimated_by_the_size_of_its_frames(api, monkeypatch):
    monkeypatch.setattr(limits, "FRAMES_COUNTED", 10)
    assert told(api, files.mp3(1000))[0] == (None, None, round(1000 * 1152 / 44_100, 3))


PAPERS = {
    "in the open": (papers.pdf_of(3), {"pages": 3}),
    "packed": (papers.pdf_of(3, packed=True), {"pages": 3}),
    "of two versions": (papers.pdf_of(5, before=papers.pdf_of(2)), {"pages": 5}),
    "of parts of a tree": (
        papers.pdf_of(
            7, before=b"9 0 obj\n<< /Type /Pages /Parent 2 0 R /Count 4 /Kids [] >>\nendobj\n"
        ),
        {"pages": 7},
    ),
    "without a tree": (files.pdf(), {}),
}


@pytest.mark.parametrize(("body", "known"), PAPERS.values(), ids=PAPERS)
def test_papers(api, body, known):
    assert told(api, body) == ((None, None, None), known)


def test_other_documents_tell_nothing(api):
    assert told(api, files.docx()) == ((None, None, None), {})


def refused(api, body: bytes) -> str:
    answer = upload(api, body)
    assert (answer.status_code, error_code(answer)) == (400, "unsupported_media"), answer.content
    assert_nothing_left()
    return details(answer)["file"][0]


def test_recordings_of_more_than_six_hours_are_refused(api):
    head = b"\x01vorbis" + struct.pack("<IBI", 0, 2, 8_000) + bytes(14)
    assert upload(api, files.ogg(head, position=8_000 * 21_600)).status_code == 201
    answer = upload(api, files.ogg(head, position=8_000 * 21_601))
    assert details(answer) == {"file": ["The recording is longer than 6 hours."]}


def test_films_of_giant_pictures_are_refused(api):
    body = recording("mp4", "libx264")
    at = body.index(b"tkhd") + 4 + 76
    huge = body[:at] + struct.pack(">II", 20_000 << 16, 20_000 << 16) + body[at + 8 :]
    assert refused(api, huge) == "The video has more than 50 megapixels."


def test_giant_pictures_of_webm_are_refused(api):
    body = files.webm(b"V_VP9", size=(20_000, 20_000))
    assert refused(api, body) == "The video has more than 50 megapixels."


def test_films_that_lie_in_another_file_are_refused(api):
    body = recording("mov", "libx264")
    at = body.index(b"dref") + 4 + 8 + 8
    assert body[at : at + 4] == bytes((0, 0, 0, 1))
    assert refused(api, body[:at] + bytes(4) + body[at + 4 :]) == "The file refers to other files."


@pytest.mark.parametrize("shift", [1, 400, 1 << 20])
def test_samples_behind_the_end_of_the_file_are_missed(api, shift):
    body = recording("mov", "libx264")
    at = body.index(b"stco") + 4 + 8
    place = int.from_bytes(body[at : at + 4], "big")
    moved = len(body) - 100 + shift
    assert place < moved
    broken = body[:at] + moved.to_bytes(4, "big") + body[at + 4 :]
    assert refused(api, broken) == "The file is truncated or damaged."


def test_a_film_without_its_index_is_refused(api):
    body = recording("mp4", "libx264")
    cut = body[: body.index(b"moov") - 4]
    assert refused(api, cut) == "The file is truncated or damaged."


def test_sound_whose_last_page_announces_another_is_refused(api):
    whole = files.ogg()
    at = whole.rindex(b"OggS")
    table = whole[at + 26 : at + 28]
    assert table == bytes((1, 200))
    cut = whole[:at] + whole[at : at + 27] + b"\xff" + bytes(255)
    assert refused(api, cut) == "The file is truncated or damaged."
    last = (
        whole[:at] + whole[at : at + 5] + b"\x04" + whole[at + 6 : at + 27] + b"\xff" + bytes(255)
    )
    assert upload(api, last).status_code == 201


def test_the_end_of_a_recorded_webm_counts(api):
    body = recordings.recording("webm", "libvpx", live="1")
    assert refused(api, body[:-1]) == "The file is truncated or damaged."
