import io

import pytest
from PIL import Image

from tests.media_library.transcoding.sources import (
    Video,
    boxes,
    corner_colours,
    heard,
    opened,
    seen,
    sound,
    turned,
)

UPRIGHT = ["red", "green", "blue", "yellow"]
MAIN = {"profile": "main", "bf": "0"}


@pytest.fixture(scope="module")
def hevc() -> bytes:
    return Video("mov", "libx265", options={"x265-params": "log-level=none"}).bytes()


@pytest.mark.parametrize(
    ("degrees", "size", "colours"),
    [
        (90, (64, 96), ["yellow", "red", "green", "blue"]),
        (180, (96, 64), ["blue", "yellow", "red", "green"]),
        (270, (64, 96), ["green", "blue", "yellow", "red"]),
    ],
)
def test_a_turned_hevc_of_a_phone(maker, hevc, degrees, size, colours) -> None:
    made = maker.make("mp4", "video/quicktime", turned(hevc, degrees))
    found = seen(made)
    assert (found.codec, found.profile, found.pixels) == ("h264", "Main", "yuv420p")
    assert (found.size, found.corners) == (size, colours)
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    assert (heard(made).codec, heard(made).channels) == ("aac", 2)
    assert heard(made).seconds == pytest.approx(1.0, abs=0.1)
    assert boxes(made.read_bytes())[:2] == [b"ftyp", b"moov"]
    poster = Image.open(maker.make("poster", "video/quicktime", turned(hevc, degrees)))
    assert (poster.format, poster.size, corner_colours(poster)) == ("JPEG", size, colours)


def test_webm_becomes_mp4(maker) -> None:
    data = Video("webm", "libvpx-vp9", "libopus", size=(97, 65)).bytes()
    made = maker.make("mp4", "video/webm", data)
    found = seen(made)
    assert (found.codec, found.size, found.corners) == ("h264", (96, 64), UPRIGHT)
    assert found.seconds == pytest.approx(1.0, abs=0.1)
    assert heard(made).codec == "aac"
    assert heard(made).seconds == pytest.approx(1.0, abs=0.1)
    assert heard(made).level > 5000


def test_a_silent_video_stays_silent(maker) -> None:
    made = maker.make("mp4", "video/quicktime", Video("mov", audio="").bytes())
    assert seen(made).tracks == ["video"]


def packets(data: bytes, kind: str) -> list[bytes]:
    with opened(io.BytesIO(data)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def test_what_is_right_already_is_copied(maker) -> None:
    data = Video("mov", options=MAIN).bytes()
    assert boxes(data)[-1] == b"moov"
    made = maker.make("mp4", "video/quicktime", data)
    assert boxes(made.read_bytes())[:2] == [b"ftyp", b"moov"]
    assert packets(made.read_bytes(), "video") == packets(data, "video")
    assert packets(made.read_bytes(), "audio") == packets(data, "audio")
    assert seen(made).seconds == pytest.approx(1.0, abs=0.1)


def test_only_the_sound_is_made_anew_when_only_that_is_wrong(maker) -> None:
    data = Video("mov", audio="pcm_s16le", options=MAIN).bytes()
    made = maker.make("mp4", "video/quicktime", data)
    assert packets(made.read_bytes(), "video") == packets(data, "video")
    assert (heard(made).codec, heard(made).channels) == ("aac", 2)


@pytest.mark.parametrize(
    "video",
    [
        Video(options={"profile": "high"}),
        Video(options={"profile": "high444"}, pixels="yuv444p"),
        Video(options={"profile": "main", "bf": "2"}),
        Video(size=(2000, 20), options=MAIN),
    ],
)
def test_what_players_of_channels_refuse_is_made_anew(maker, video) -> None:
    found = seen(maker.make("mp4", "video/mp4", video.bytes()))
    assert (found.codec, found.profile, found.pixels) == ("h264", "Main", "yuv420p")
    assert max(found.size) <= 1920


def test_frames_are_left_out_above_sixty_a_second(maker) -> None:
    found = seen(maker.make("mp4", "video/mp4", Video(rate=120, options=MAIN).bytes()))
    assert found.frames == 60
    assert found.seconds == pytest.approx(1.0, abs=0.1)


def test_it_is_made_to_fit(maker) -> None:
    data = Video(size=(320, 240), seconds=2, noise=True, options=MAIN).bytes()
    assert len(data) > 400_000
    made = maker.make("mp4", "video/mp4", data, max_bytes=100_000)
    assert seen(made).seconds == pytest.approx(2.0, abs=0.1)
    assert heard(made).seconds == pytest.approx(2.0, abs=0.1)


def test_what_cannot_be_made_to_fit_says_so(maker) -> None:
    failed = maker.failing("mp4", "video/mp4", Video(seconds=2).bytes(), max_bytes=8_000)
    assert (failed.code, failed.retryable) == ("rendition_too_large", False)
    assert failed.message == "2 seconds of video do not fit into 8 kB."


def test_pictures_and_sound_stay_together_when_the_sound_begins_late(maker) -> None:
    target = io.BytesIO()
    with (
        opened(target, "w", format="matroska") as output,
        opened(io.BytesIO(Video("webm", "libvpx", "").bytes())) as pictures,
        opened(io.BytesIO(sound("ogg", "libopus", 0.5))) as tone,
    ):
        video = output.add_stream_from_template(pictures.streams.video[0], opaque=True)
        audio = output.add_stream_from_template(tone.streams.audio[0])
        for source, stream, delay in ((pictures, video, 0.0), (tone, audio, 0.5)):
            for packet in source.demux():
                if packet.dts is not None:
                    packet.pts += round(delay / packet.time_base)
                    packet.dts += round(delay / packet.time_base)
                    packet.stream = stream
                    output.mux(packet)
    made = maker.make("mp4", "video/webm", target.getvalue())
    assert heard(made).seconds == pytest.approx(1.0, abs=0.1)
    assert seen(made).seconds == pytest.approx(1.0, abs=0.1)


def test_metadata_stays_behind(maker) -> None:
    target = io.BytesIO()
    data = Video("mov", options=MAIN).bytes()
    with opened(io.BytesIO(data)) as source, opened(target, "w", format="mov") as output:
        output.metadata["location"] = "+48.2082+016.3738/"
        output.metadata["title"] = "SecretTitle"
        streams = {
            each.index: output.add_stream_from_template(each, opaque=True)
            for each in source.streams
        }
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    assert b"+48.2082" in target.getvalue()
    made = maker.make("mp4", "video/quicktime", target.getvalue()).read_bytes()
    assert b"+48.2082" not in made
    assert b"SecretTitle" not in made


def test_a_poster_is_not_black_where_the_video_is_not(maker) -> None:
    video = Video(seconds=2, dark=0.8, options={"g": "5"})
    poster = Image.open(maker.make("poster", "video/mp4", video.bytes()))
    assert (poster.size, corner_colours(poster)) == ((96, 64), UPRIGHT)
    black = Image.open(maker.make("poster", "video/mp4", Video(dark=2).bytes()))
    assert max(black.convert("L").tobytes()) < 10


def test_a_poster_of_what_has_no_duration(maker) -> None:
    data = Video("webm", "libvpx", "", container={"live": "1"}).bytes()
    poster = Image.open(maker.make("poster", "video/webm", data))
    assert corner_colours(poster) == UPRIGHT
    found = seen(maker.make("mp4", "video/webm", data))
    assert found.seconds == pytest.approx(1.0, abs=0.15)


def test_a_thumbnail_of_a_video(maker) -> None:
    made = Image.open(maker.make("thumbnail", "video/mp4", Video(size=(800, 400)).bytes()))
    assert (made.size, corner_colours(made)) == ((400, 200), UPRIGHT)
