"""Files that ask for more than they are worth: refused or handled, in little memory and time."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media_library.models import Blob
from tests.media_library import files, hostile, papers
from tests.media_library.conftest import (
    assert_nothing_left,
    details,
    error_code,
    stored,
    upload,
)
from tests.media_library.recordings import recording

# What is judged are bytes: the database makes no difference.
pytestmark = pytest.mark.once

REFUSED = hostile.FILMS | hostile.PICTURES | hostile.POSING
NAMES = [("a.pdf", "application/pdf"), ("a.mp4", "video/mp4")]


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_refused(api, body):
    for name, content_type in NAMES:
        answer = upload(api, body, name, content_type)
        assert (answer.status_code, error_code(answer)) == (400, "unsupported_media")
        assert list(details(answer)) == ["file"]
    assert_nothing_left()


@pytest.mark.parametrize(("body", "kind"), hostile.HANDLED.values(), ids=hostile.HANDLED)
def test_handled(api, body, kind):
    answer = upload(api, body, "a.html", "text/html")
    assert (answer.status_code, answer.json()["media_type"]) == (201, kind)
    kept = b"".join(path.read_bytes() for path in stored())
    if kind == "image":
        assert b"<script" not in kept
        assert b"PK\3\4" not in kept


def test_pages_are_counted_past_bombs(api):
    assert upload(api, hostile.pdf_of_bombs(3)).status_code == 201
    assert Blob.objects.get().details == {"pages": 2}


def test_a_tree_that_counts_more_pages_than_any_book(api):
    body = papers.pdf_of(2).replace(b"/Count 2", b"/Count 9999999")
    assert upload(api, body).status_code == 201
    assert Blob.objects.get().details == {}


def test_the_bytes_win_over_any_name(api):
    answer = upload(api, files.picture(), "invoice.pdf", "application/pdf").json()
    assert (answer["media_type"], answer["mime_type"]) == ("image", "image/jpeg")


# Decoded, each would take up to a gigabyte; to make them takes seconds too.
LARGE: dict[str, tuple[str, tuple[int, int], dict[str, Any]]] = {
    "large jpeg": ("JPEG", (7000, 7000), {"progressive": True, "subsampling": 0}),
    "large png": ("PNG", (7000, 7000), {}),
    "large webp": ("WEBP", (5000, 7000), {}),
    "large heic": ("HEIF", (3500, 4500), {}),
    "large gif": ("GIF", (7000, 7000), {}),
}


@cache
def large(name: str) -> bytes:
    format, size, options = LARGE[name]
    return files.picture(format, size, **options)


@pytest.mark.parametrize("name", LARGE)
def test_large_pictures_are_told_of_and_have_to_be_whole(api, name):
    answer = upload(api, large(name)[:-40])
    assert (answer.status_code, error_code(answer)) == (400, "unsupported_media")
    assert_nothing_left()
    shown = upload(api, large(name)).json()
    assert (shown["width"], shown["height"]) == LARGE[name][1]


_JUDGE = """
import json, sys, time
import django
django.setup()
from django.core.files import File
from inro.common.errors import Refused
from media_library.content import examine
report = {}
for path in sys.argv[1:]:
    started = time.process_time()
    with open(path, "rb") as file:
        try:
            content = examine(File(file))
            with content.stored():
                outcome = "taken"
        except Refused as refused:
            outcome = refused.code
    report[path.rsplit("/")[-1]] = [outcome, time.process_time() - started]
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([report, int(peak.split()[1])]))
"""


def test_the_worst_of_them_in_bounded_memory(tmp_path):
    """In a process of its own, one after the other; its peak includes the application itself."""
    bodies = REFUSED | {name: body for name, (body, _) in hostile.HANDLED.items()}
    bodies |= {name: large(name) for name in LARGE}
    paths = []
    for number, body in enumerate(bodies.values()):
        paths.append(tmp_path / f"{number:02}")
        paths[-1].write_bytes(body)
    ran = subprocess.run(
        [sys.executable, "-c", _JUDGE, *map(str, paths)],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "inro.settings", "DATA_DIR": str(tmp_path)},
        timeout=100,
    )
    report, kilobytes = json.loads(ran.stdout.splitlines()[-1])
    outcomes = {name: report[path.name][0] for name, path in zip(bodies, paths, strict=True)}
    assert outcomes == dict.fromkeys(REFUSED, "unsupported_media") | dict.fromkeys(
        [*hostile.HANDLED, *LARGE], "taken"
    )
    assert kilobytes < 300_000


REAL = {
    "mp4": recording("mp4", "libx264", "aac", seconds=1),
    "mp4 for the web": recording("mp4", "libx264", "aac", seconds=1, movflags="faststart"),
    "mp4 in fragments": recording(
        "mp4", "libx264", seconds=1, movflags="frag_keyframe+empty_moov", frag_duration="200000"
    ),
    "mov": recording("mov", "libx264", "pcm_s16le", seconds=1),
    "m4a": recording("ipod", "", "aac", seconds=1),
    "webm": recording("webm", "libvpx", "libopus", seconds=1),
    "voice note": recording("ogg", "", "libopus", seconds=1),
    "pdf": papers.pdf_of(3, packed=True),
}
# Cut between two fragments, or between two pages, they are whole, only shorter.
SHORTER = {"mp4 in fragments", "voice note"}


@pytest.mark.parametrize("name", REAL)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_cut_of_a_real_file_comes_in(api, name, data):
    body = REAL[name]
    cut = data.draw(st.integers(12, len(body) - 2))
    answer = upload(api, body[:cut])
    if not (name in SHORTER and answer.status_code == 201):
        assert (answer.status_code, error_code(answer)) == (400, "unsupported_media"), cut


@pytest.mark.parametrize("name", REAL)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wrong_bytes_are_no_fault_of_ours(api, name, data):
    body = bytearray(REAL[name])
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    answer = upload(api, bytes(body))
    assert answer.status_code in (201, 400), answer.content
    if answer.status_code == 400:
        assert error_code(answer) == "unsupported_media"
