"""Files that are broken, or made to break what reads them."""

import io
import subprocess
import sys
import zlib
from pathlib import Path

import av
import pytest
from PIL import Image
from pytest_httpserver import HTTPServer

from media_library.transcoding import Job, caps, containers, processes
from media_library.transcoding.work import Work
from tests.media_library import files
from tests.media_library.transcoding.sources import Video, boxes
from tests.waiting import SECONDS

ROOT = Path(__file__).parents[3]
FIRST = {"movflags": "+faststart"}


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def garbled(movie: bytes) -> bytes:
    """The index is whole; what it leads to is not."""
    at = movie.index(b"mdat") + 4
    return movie[:at] + bytes((n * 37 + 11) % 256 for n in range(len(movie) - at))


@pytest.mark.parametrize(
    ("format", "mime_type"),
    [("PNG", "image/png"), ("WEBP", "image/webp"), ("HEIF", "image/heic"), ("GIF", "image/gif")],
)
def test_a_picture_without_its_end(maker, format, mime_type) -> None:
    failed = maker.failing("jpeg", mime_type, cut(files.noise(format, (200, 200))))
    assert (failed.code, failed.retryable) == ("rendition_failed", False)
    assert failed.message == "The picture is damaged: it cannot be read to its end."


@pytest.mark.parametrize("data", [files.png_bomb(), files.gif_bomb()])
def test_a_picture_of_too_many_pixels(maker, data) -> None:
    mime_type = "image/gif" if data[:3] == b"GIF" else "image/png"
    failed = maker.failing("thumbnail", mime_type, data)
    assert failed.code == "rendition_failed"
    assert failed.message == "The picture has more than 50 megapixels."


@pytest.mark.parametrize("form", ["mp4", "m4a"])
def test_a_video_without_its_end(maker, form) -> None:
    movie = Video(seconds=3, noise=True, container=FIRST).bytes()
    assert boxes(movie)[1] == b"moov"
    failed = maker.failing(form, "video/mp4", cut(movie))
    assert (failed.code, failed.retryable) == ("rendition_failed", False)
    assert failed.message.startswith("The file ends after")


@pytest.mark.parametrize("form", ["mp4", "m4a", "opus", "poster", "thumbnail"])
def test_garbage_behind_a_good_header(maker, form) -> None:
    failed = maker.failing(form, "video/mp4", garbled(Video(container=FIRST).bytes()))
    assert (failed.code, failed.retryable) == ("rendition_failed", False)
    assert "damaged" in failed.message


@pytest.mark.parametrize("mime_type", ["audio/ogg", "audio/mpeg", "audio/wav", "audio/amr"])
def test_nonsense_of_any_name(maker, mime_type) -> None:
    failed = maker.failing("opus", mime_type, bytes(range(256)) * 40)
    assert (failed.code, failed.retryable) == ("rendition_failed", False)


@pytest.mark.parametrize("mime_type", ["video/mp4", "video/webm", "video/ogg", "audio/aac"])
def test_a_playlist_fetches_nothing(maker, httpserver: HTTPServer, mime_type) -> None:
    httpserver.expect_request("/a.ts").respond_with_data(b"x")
    playlist = f"#EXTM3U\n#EXTINF:1,\n{httpserver.url_for('/a.ts')}\n#EXT-X-ENDLIST\n"
    form = "mp4" if mime_type.startswith("video") else "m4a"
    assert maker.failing(form, mime_type, playlist.encode()).code == "rendition_failed"
    assert httpserver.log == []


def test_another_format_under_a_wrong_name_is_not_read(maker) -> None:
    webm = Video("webm", "libvpx", "").bytes()
    assert maker.failing("mp4", "video/mp4", webm).code == "rendition_failed"


def test_even_a_format_that_names_other_files_opens_none(tmp_path, monkeypatch) -> None:
    (tmp_path / "part.ts").write_bytes(Video("mpegts", audio="").bytes())
    playlist = tmp_path / "list"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")
    with av.open(str(playlist), format="hls") as container:
        assert container.streams.video  # so it would be
    monkeypatch.setitem(containers._DEMUXERS, "mp4", "hls")
    with playlist.open("rb") as source:
        work = Work(source, "result", "video/mp4", 1000, lambda percent: None)
        with pytest.raises(PermissionError), containers.opened(work):
            pass


def png_of(width: int, height: int) -> bytes:
    """RGB of one colour: small as a file, whatever it takes decoded."""
    squeeze = zlib.compressobj(1)
    row = b"\0" + bytes((180, 40, 90)) * width
    pixels = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, 2, 0, 0, 0))
    chunks = (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(files.png_chunk(*each) for each in chunks)


@pytest.fixture(scope="module")
def largest() -> bytes:
    return png_of(7071, 7071)


def test_too_little_memory_is_told_from_damage(maker, monkeypatch, largest) -> None:
    monkeypatch.setattr(caps, "MEMORY", 300 * caps.MIB)
    failed = maker.failing("jpeg", "image/png", largest)
    assert (failed.code, failed.retryable) == ("rendition_out_of_memory", False)


def test_too_much_work_is_ended_by_the_processor_limit(maker, monkeypatch, largest) -> None:
    monkeypatch.setattr(
        processes, "caps_of", lambda *_: caps.Caps(60, 1, caps.MEMORY, file_bytes=5_000_000)
    )
    failed = maker.failing("jpeg", "image/png", largest)
    assert failed.code == "rendition_timeout"


def peak_of(maker, form: str, mime_type: str) -> int:
    """Kilobytes that the process which makes it takes at the most."""
    # Measured by a process that is small itself: what is started counts from its size on.
    code = (
        "import resource; from pathlib import Path; from media_library.transcoding import *;"
        f"transcode(Path({str(maker.source)!r}), Path({str(maker.target)!r}),"
        f"{Job(form, 5_000_000, mime_type)!r}, progress=lambda p: 0, cancelled=lambda: False);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert found.stderr == ""
    return int(found.stdout)


@pytest.mark.parametrize("form", ["jpeg", "thumbnail"])
def test_the_largest_picture_is_made_in_bounded_memory(maker, largest, form) -> None:
    maker.source.write_bytes(largest)
    assert 200_000 < peak_of(maker, form, "image/png") < 300_000
    assert maker.target.stat().st_size < 5_000_000


def test_the_largest_webp_is_made_in_bounded_memory(maker) -> None:
    """Pillow alone takes 800 MB for it."""
    Image.new("RGB", (7071, 7071), (180, 40, 90)).save(maker.source, "WEBP", method=0)
    assert peak_of(maker, "jpeg", "image/webp") < 300_000
    assert Image.open(maker.target).size == (3200, 3200)


def test_the_largest_webp_without_loss_is_made_in_bounded_memory(maker) -> None:
    picture = Image.effect_noise((6000, 4000), 60).convert("RGB")
    picture.save(maker.source, "WEBP", method=0, quality=0, lossless=True)
    assert 20_000_000 < maker.source.stat().st_size < 25_000_000
    assert peak_of(maker, "jpeg", "image/webp") < 300_000
    assert Image.open(maker.target).size == (3200, 2133)


@pytest.mark.parametrize(("size", "more"), [((6000, 4001), 0), ((4000, 4000), 25_000_000)])
@pytest.mark.parametrize("turned", [True, False])
def test_a_larger_webp_without_loss_is_refused(maker, size, more, turned) -> None:
    data, exif = io.BytesIO(), Image.Exif()
    if turned:
        exif[0x0112] = 6
    picture = Image.new("RGB", size, (180, 40, 90))
    picture.save(data, "WEBP", method=0, quality=0, lossless=True, exif=exif)
    failed = maker.failing("jpeg", "image/webp", data.getvalue() + bytes(more))
    words = "A WebP without loss can be converted up to 24 megapixels and 25 MB."
    assert (failed.code, failed.message) == ("rendition_failed", words)
