import io
import itertools
import struct
import zlib

import pillow_heif
import pytest
from PIL import Image, ImageCms

from tests.media_library import files
from tests.media_library.transcoding.sources import GREEN, RED, corner_colours, corners

pillow_heif.register_heif_opener()


def saved(picture: Image.Image, format: str, **options) -> bytes:
    target = io.BytesIO()
    picture.save(target, format, **options)
    return target.getvalue()


def swapped_profile() -> bytes:
    """An sRGB profile whose red and green have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    tags = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def deep_png(gray: int) -> bytes:
    """16 bits a pixel, of one shade."""
    rows = (b"\0" + struct.pack(">H", gray) * 8) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 16, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(files.png_chunk(*each) for each in chunks)


@pytest.mark.parametrize(
    ("format", "mime_type"),
    [
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("HEIF", "image/heic"),
        ("GIF", "image/gif"),
        ("JPEG", "image/jpeg"),
    ],
)
def test_every_kind_of_picture_becomes_a_jpeg_and_a_thumbnail(maker, format, mime_type) -> None:
    data = saved(corners((600, 300)), format)
    made = Image.open(maker.make("jpeg", mime_type, data))
    assert (made.format, made.mode, made.size) == ("JPEG", "RGB", (600, 300))
    assert corner_colours(made) == ["red", "green", "blue", "yellow"]
    small = Image.open(maker.make("thumbnail", mime_type, data))
    assert (small.format, small.size) == ("JPEG", (400, 200))
    assert corner_colours(small) == ["red", "green", "blue", "yellow"]


@pytest.mark.parametrize("lossless", [True, False])
def test_large_webp_is_upright_on_white_and_in_its_colours(maker, lossless) -> None:
    """It is read in another way than a small one."""
    picture = corners((4200, 3000)).convert("RGBA")
    picture.paste((0, 0, 0, 0), (1500, 1000, 2700, 2000))
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif, "icc_profile": swapped_profile()}
    data = saved(picture, "WEBP", lossless=lossless, method=0, quality=60, **options)
    made = Image.open(maker.make("jpeg", "image/webp", data))
    assert made.size == (2286, 3200)
    assert corner_colours(made) == ["yellow", "green", "red", "blue"]
    assert made.getpixel((1143, 1600)) == (255, 255, 255)
    plain = saved(corners((4200, 3000)), "WEBP", lossless=lossless, method=0)
    small = Image.open(maker.make("thumbnail", "image/webp", plain))
    assert small.size == (400, 286)
    assert corner_colours(small) == ["red", "green", "blue", "yellow"]


@pytest.mark.parametrize("keep", [0.05, 0.6])
def test_large_webp_that_is_cut_is_damaged(maker, keep) -> None:
    noise = Image.effect_noise((4200, 3000), 30).convert("RGB")
    data = saved(noise, "WEBP", method=0, quality=10)
    failed = maker.failing("jpeg", "image/webp", data[: int(len(data) * keep)])
    assert failed.code == "rendition_failed"


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "1", "LA", "RGBA"])
def test_every_mode_becomes_rgb(maker, mode) -> None:
    format, mime_type = ("JPEG", "image/jpeg") if mode == "CMYK" else ("PNG", "image/png")
    data = saved(corners((64, 48)).convert(mode), format)
    made = Image.open(maker.make("jpeg", mime_type, data))
    assert (made.mode, made.size) == ("RGB", (64, 48))
    if mode in ("CMYK", "P", "RGBA"):
        assert corner_colours(made) == ["red", "green", "blue", "yellow"]


def test_a_transparent_colour_of_a_palette_becomes_white(maker) -> None:
    picture = corners((64, 48)).quantize(8)
    data = saved(picture, "PNG", transparency=picture.getpixel((60, 3)))
    made = Image.open(maker.make("jpeg", "image/png", data))
    assert corner_colours(made) == ["red", "white", "blue", "yellow"]


def test_sixteen_bits_keep_their_shade(maker) -> None:
    made = Image.open(maker.make("jpeg", "image/png", deep_png(0x8000)))
    assert made.getpixel((4, 4)) == pytest.approx((128, 128, 128), abs=2)


def test_what_is_transparent_becomes_white(maker) -> None:
    picture = corners((64, 48), "RGBA")
    picture.paste((0, 0, 0, 0), (32, 24, 64, 48))
    made = Image.open(maker.make("jpeg", "image/png", saved(picture, "PNG")))
    assert corner_colours(made) == ["red", "green", "white", "yellow"]


@pytest.mark.parametrize(
    ("orientation", "size", "colours"),
    [
        (2, (64, 48), ["green", "red", "yellow", "blue"]),
        (3, (64, 48), ["blue", "yellow", "red", "green"]),
        (6, (48, 64), ["yellow", "red", "green", "blue"]),
        (8, (48, 64), ["green", "blue", "yellow", "red"]),
    ],
)
def test_it_stands_upright_and_says_nothing_of_where_it_was_taken(
    maker, orientation, size, colours
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    data = saved(corners((64, 48)), "JPEG", exif=exif, comment=b"SecretComment")
    path = maker.make("jpeg", "image/jpeg", data)
    made = Image.open(path)
    assert (made.size, corner_colours(made)) == (size, colours)
    assert not made.getexif()
    assert made.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"Secret" not in path.read_bytes()


def test_a_turned_heic_is_turned_once(maker) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(corners((64, 48)), "HEIF", exif=exif.tobytes())
    made = Image.open(maker.make("jpeg", "image/heic", data))
    assert (made.size, corner_colours(made)) == ((48, 64), ["yellow", "red", "green", "blue"])


def test_colours_are_read_through_the_profile(maker) -> None:
    data = saved(Image.new("RGB", (32, 32), RED), "PNG", icc_profile=swapped_profile())
    made = Image.open(maker.make("jpeg", "image/png", data))
    assert made.getpixel((16, 16)) == pytest.approx((RED[1], RED[0], RED[2]), abs=12)
    assert "icc_profile" not in made.info


def test_a_broken_profile_is_no_reason_to_fail(maker) -> None:
    data = saved(Image.new("RGB", (32, 32), GREEN), "PNG", icc_profile=b"\0" * 200)
    made = Image.open(maker.make("jpeg", "image/png", data))
    assert made.getpixel((16, 16)) == pytest.approx(GREEN, abs=4)


def test_the_first_frame_of_an_animation(maker) -> None:
    frames = [corners((64, 48)), Image.new("RGB", (64, 48), GREEN)]
    for format, mime_type in (("GIF", "image/gif"), ("WEBP", "image/webp")):
        data = saved(frames[0], format, save_all=True, append_images=frames[1:])
        for form in ("jpeg", "thumbnail"):
            made = Image.open(maker.make(form, mime_type, data))
            assert corner_colours(made) == ["red", "green", "blue", "yellow"]


def test_it_gets_less_exact_and_then_smaller_until_it_fits(maker) -> None:
    data = files.noise("PNG", (400, 300))
    whole = maker.make("jpeg", "image/png", data).stat().st_size
    made = Image.open(maker.make("jpeg", "image/png", data, max_bytes=whole - 1))
    assert made.size == (400, 300)
    made = Image.open(maker.make("jpeg", "image/png", data, max_bytes=whole // 10))
    assert 64 <= made.size[0] < 400
    assert made.size[0] / made.size[1] == pytest.approx(4 / 3, abs=0.05)


def test_what_cannot_be_made_to_fit_says_so(maker) -> None:
    failed = maker.failing("jpeg", "image/png", files.noise("PNG", (100, 80)), max_bytes=900)
    assert (failed.code, failed.retryable) == ("rendition_too_large", False)
    assert failed.message == "Even 64 pixels wide, the picture has more than 0.9 kB."


def test_nothing_is_made_larger_and_nothing_is_left_over_by_strips(maker) -> None:
    tall = Image.linear_gradient("L").resize((30, 3001))
    made = Image.open(maker.make("jpeg", "image/png", saved(tall, "PNG"), max_bytes=10**6))
    assert made.size == (30, 3001)
    middle = [made.convert("L").getpixel((15, y)) for y in range(0, 3001, 50)]
    assert middle == pytest.approx([tall.getpixel((15, y)) for y in range(0, 3001, 50)], abs=3)


def test_strips_leave_no_seams_when_it_is_scaled(maker) -> None:
    tall = Image.linear_gradient("L").resize((40, 9001))
    made = Image.open(maker.make("jpeg", "image/png", saved(tall, "PNG")))
    assert made.size == (14, 3200)
    shades = list(made.convert("L").crop((7, 0, 8, 3200)).tobytes())
    assert max(abs(b - a) for a, b in itertools.pairwise(shades)) <= 3
    assert (shades[0], shades[-1]) == pytest.approx((0, 255), abs=3)
