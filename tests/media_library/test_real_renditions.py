"""One real file for each form, from its upload to what a provider is given."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from PIL import Image

from media_library.delivering import Source, route
from media_library.models import Blob, MediaFile, Rendition
from media_library.recipes import RECIPES
from media_library.rendition_tasks import make_renditions
from media_library.serving import address_of
from media_library.tasks import order_renditions
from messaging.channels.media_rules import WHATSAPP
from tests.media_library import files
from tests.media_library.conftest import temporary, upload
from tests.media_library.recordings import recording
from tests.media_library.transcoding import sources

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inro.common.waking._send", lambda *_: None)


def fetched(file: MediaFile, recipe: str) -> bytes:
    """What a provider is given."""
    row = Rendition.objects.get(source=file.blob, recipe=recipe)
    assert (row.status, row.error_message) == ("ready", "")
    assert row.blob
    whats_app = route(Source.of("", row.blob.mime_type, row.blob.size, row.blob.details), WHATSAPP)
    assert whats_app.objection is None
    url = address_of(file.pk, file.name, RECIPES[recipe].file_type, recipe)
    answer = Client().get(urlsplit(url).path)
    assert (answer.status_code, answer["Content-Type"]) == (200, RECIPES[recipe].mime_type)
    body = bytes(answer.getvalue())
    assert len(body) <= RECIPES[recipe].max_bytes
    return body


def uploaded(api: Any, body: bytes, **details: Any) -> MediaFile:
    """Stored, and all made that it needs; `details` are what is known of it beside its type."""
    answer = upload(api, body)
    assert answer.status_code == 201, answer.content
    file = MediaFile.objects.select_related("blob").get(pk=answer.json()["id"])
    assert file.blob
    if details:
        Blob.objects.filter(pk=file.blob.pk).update(details=details)
        order_renditions(file.pk)
    make_renditions()
    assert temporary() == []
    return file


def test_heic_becomes_jpeg_without_its_place(api):
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
    file = uploaded(api, files.picture("HEIF", (600, 400), exif=exif.tobytes()))
    for recipe, size in (("jpeg-5mb", (600, 400)), ("thumbnail", (400, 267))):
        picture = Image.open(io.BytesIO(fetched(file, recipe)))
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", size)
        assert not picture.getexif().get_ifd(0x8825)
    shown = api.get(f"/api/v1/media_files/{file.pk}").json()
    assert {each["rendition"] for each in shown["deliverable"].values()} == {"jpeg-5mb"}
    assert Client().get(urlsplit(shown["thumbnail_url"]).path).status_code == 200


@pytest.mark.parametrize(
    ("pixels", "coding"),
    [
        ("yuv420p10le", {"profile": "high10"}),
        ("yuv422p", {"profile": "high422"}),
        ("yuv444p", {"profile": "high444"}),
        ("yuv420p", {"profile": "main", "bf": "3"}),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_mp4_that_phones_do_not_play_becomes_one_that_they_do(api, tmp_path, pixels, coding):
    body = recording("mp4", "libx264", "aac", pixels=pixels, coding=coding, movflags="faststart")
    file = uploaded(api, body)
    shown = api.get(f"/api/v1/media_files/{file.pk}").json()
    assert shown["deliverable"]["whatsapp"]["rendition"] == "mp4-16mb"
    target = tmp_path / "made.mp4"
    target.write_bytes(fetched(file, "mp4-16mb"))
    seen = sources.seen(target)
    assert (seen.codec, seen.profile, seen.pixels) == ("h264", "Main", "yuv420p")
    row = Rendition.objects.get(source=file.blob, recipe="mp4-16mb")
    assert row.blob
    assert row.blob.details["b_frames"] is False


def test_mp4_that_phones_play_goes_as_it_is(api):
    coding = {"profile": "main", "bf": "0"}
    file = uploaded(api, recording("mp4", "libx264", "aac", coding=coding, movflags="faststart"))
    assert [each.recipe for each in Rendition.objects.filter(source=file.blob)] == ["poster"]


def test_mov_becomes_mp4_and_poster(api, tmp_path: Path):
    file = uploaded(api, sources.Video(muxer="mov", codec="mpeg4").bytes())
    target = tmp_path / "made.mp4"
    target.write_bytes(fetched(file, "mp4-16mb"))
    seen = sources.seen(target)
    assert (seen.codec, seen.size, seen.tracks) == ("h264", (96, 64), ["video", "audio"])
    assert seen.corners == ["red", "green", "blue", "yellow"]
    poster = Image.open(io.BytesIO(fetched(file, "poster")))
    assert (poster.format, poster.size) == ("JPEG", (96, 64))
    assert sources.corner_colours(poster) == ["red", "green", "blue", "yellow"]
    assert api.get(f"/api/v1/media_files/{file.pk}").json()["thumbnail_url"]


def test_wav_becomes_m4a(api, tmp_path: Path):
    file = uploaded(api, sources.sound("wav", "pcm_s16le"))
    target = tmp_path / "made.m4a"
    target.write_bytes(fetched(file, "m4a-16mb"))
    heard = sources.heard(target)
    assert (heard.codec, round(heard.seconds)) == ("aac", 1)
    assert heard.level > 5000


def test_stereo_ogg_becomes_a_voice_note(api, tmp_path: Path):
    file = uploaded(api, sources.sound("ogg", "libopus"), audio_codec="opus", channels=2)
    target = tmp_path / "made.ogg"
    target.write_bytes(fetched(file, "opus-16mb"))
    heard = sources.heard(target)
    assert (heard.codec, heard.channels, round(heard.seconds)) == ("opus", 1, 1)


def test_file_of_which_nothing_can_be_made_says_so(api):
    file = uploaded(api, files.iso_media(b"qt  ", b"vide"))
    shown = api.get(f"/api/v1/media_files/{file.pk}").json()
    assert shown["thumbnail_url"] is None
    whats_app = shown["deliverable"]["whatsapp"]
    assert (whats_app["ok"], whats_app["rendition"]) == (False, None)
    assert whats_app["reason"] == (
        "WhatsApp takes videos as 3GP or MP4; this file is MOV. "
        "An MP4 of up to 16 MB could not be made of it: "
        "The video is in a codec that cannot be read."
    )
