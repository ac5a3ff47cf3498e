import io

import pytest

from tests.media_library.transcoding.sources import Video, heard, opened, sound

SOURCES = [
    ("ogg", "libopus", "audio/ogg", {}),
    ("wav", "pcm_s16le", "audio/wav", {}),
    ("wav", "pcm_s16le", "audio/wav", {"channels": 6}),
    ("mp3", "libmp3lame", "audio/mpeg", {}),
    ("amr", "libopencore_amrnb", "audio/amr", {"channels": 1, "rate": 8000, "bits": 12_200}),
    ("adts", "aac", "audio/aac", {}),
    ("webm", "libopus", "audio/webm", {}),
    ("3gp", "aac", "audio/3gpp", {"channels": 1}),
]


@pytest.mark.parametrize(("muxer", "codec", "mime_type", "options"), SOURCES)
def test_every_kind_of_sound(maker, muxer, codec, mime_type, options) -> None:
    data = sound(muxer, codec, **options)
    channels = options.get("channels", 2)
    found = heard(maker.make("m4a", mime_type, data))
    assert (found.codec, found.channels) == ("aac", min(channels, 2))
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    assert found.level > 5000
    path = maker.make("opus", mime_type, data)
    found = heard(path)
    assert path.read_bytes()[:4] == b"OggS"
    assert (found.codec, found.channels, found.rate) == ("opus", 1, 48_000)
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    assert found.level > 5000


def test_the_sound_of_a_video(maker) -> None:
    assert heard(maker.make("m4a", "video/mp4", Video().bytes())).codec == "aac"
    maker.target.unlink()
    failed = maker.failing("opus", "video/mp4", Video(audio="").bytes())
    assert (failed.code, failed.message) == ("rendition_failed", "The file holds no sound.")


def opus_packets(data: bytes) -> list[bytes]:
    with opened(io.BytesIO(data)) as container:
        return [bytes(each) for each in container.demux() if each.size]


def test_a_mono_voice_note_is_copied(maker) -> None:
    note = sound("ogg", "libopus", channels=1)
    assert opus_packets(maker.make("opus", "audio/ogg", note).read_bytes()) == opus_packets(note)
    in_webm = sound("webm", "libopus", channels=1)
    made = maker.make("opus", "audio/webm", in_webm)
    assert opus_packets(made.read_bytes()) == opus_packets(in_webm)
    assert heard(made).seconds == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("form", "max_bytes"), [("m4a", 40_000), ("opus", 20_000)])
def test_long_sound_is_made_to_fit(maker, form, max_bytes) -> None:
    data = sound("wav", "pcm_s16le", seconds=12, rate=16_000)
    made = maker.make(form, "audio/wav", data, max_bytes=max_bytes)
    assert heard(made).seconds == pytest.approx(12, abs=0.1)
    assert made.stat().st_size > max_bytes / 2


@pytest.mark.parametrize("form", ["m4a", "opus"])
def test_sound_longer_than_fits_says_so(maker, form) -> None:
    data = sound("wav", "pcm_s16le", seconds=12, rate=8000, channels=1)
    failed = maker.failing(form, "audio/wav", data, max_bytes=5_000)
    assert (failed.code, failed.retryable) == ("rendition_too_large", False)
    assert failed.message == "12 seconds of sound do not fit into 5 kB."
