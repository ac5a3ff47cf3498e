"""The public page of a file."""

import string
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from media_library.models import MediaFile
from media_library.serving import NotSatisfiableError, Part, read_range
from tests.media_library import files
from tests.media_library.conftest import stored, upload

BODY = files.noise("JPEG")
SIZE = len(BODY)


@pytest.fixture
def path(api) -> str:
    return address_of(upload(api, BODY, "Welcome!.jpg"))


def address_of(answer: Any) -> str:
    return str(urlsplit(answer.json()["url"]).path)


def get(path: str, **headers: str):
    return Client(headers=headers).get(path)


def body_of(answer: Any) -> bytes:
    return bytes(answer.getvalue() if answer.streaming else answer.content)


def test_whole_file_without_any_token(path):
    answer = get(path)
    assert (answer.status_code, body_of(answer)) == (200, BODY)
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Content-Length"] == str(SIZE)
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Content-Disposition"] == 'inline; filename="Welcome!.jpg"'
    assert answer["Cache-Control"] == "private, max-age=3600"


@pytest.mark.parametrize("method", ["get", "head"])
def test_nothing_in_it_runs(path, method):
    for address in (path, path + "x", "/media/1:x/a.jpg"):
        answer = getattr(Client(), method)(address)
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "Set-Cookie" not in answer


def test_a_gif_that_is_a_page_too_stays_a_gif(api):
    answer = get(address_of(upload(api, files.gif_polyglot(), "a.html")))
    assert answer["Content-Type"] == "image/gif"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == 'inline; filename="a.gif"'
    assert body_of(answer) == files.picture("GIF"), "the page is gone"


@pytest.mark.parametrize(
    ("body", "name", "disposition"),
    [
        (files.pdf(), "a.pdf", "inline"),
        (files.docx(), "a.docx", "attachment"),
        (files.CSV, "a.csv", "attachment"),
        (files.TEXT, "a.txt", "attachment"),
        (files.mp4(), "a.mp4", "inline"),
        (files.wav(), "a.wav", "inline"),
    ],
    ids=["pdf", "docx", "csv", "txt", "mp4", "wav"],
)
def test_documents_are_saved_not_shown(api, body, name, disposition):
    answer = get(address_of(upload(api, body, name)))
    assert answer["Content-Disposition"] == f'{disposition}; filename="{name}"'


@pytest.mark.parametrize(
    "name", ['a"b.jpg', "a\r\nSet-Cookie: x=1.jpg", "Grüße \U0001f389.jpg", "\u202egpj.exe", ""]
)
def test_no_name_breaks_the_headers(api, name):
    upload(api, BODY)
    MediaFile.objects.update(name=name)
    pk = MediaFile.objects.get().pk
    url = api.get(f"/api/v1/media_files/{pk}").json()["url"]
    answer = get(urlsplit(url).path)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer
    assert answer["Content-Disposition"].isascii()


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-199", 100, 199),
        ("bytes=100-", 100, SIZE - 1),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-100", SIZE - 100, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes=10-{SIZE * 2}", 10, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("BYTES = 3 - 5 ", 3, 5),
    ],
)
def test_one_range(path, header, start, end):
    answer = get(path, range=header)
    assert (answer.status_code, body_of(answer)) == (206, BODY[start : end + 1])
    assert answer["Content-Range"] == f"bytes {start}-{end}/{SIZE}"
    assert answer["Content-Length"] == str(end + 1 - start)
    assert answer["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
def test_range_outside_the_file(path, header):
    answer = get(path, range=header)
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-1,5-6",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "lines=0-1",
        "0-1",
        "bytes=٣-٤",
    ],
)
def test_headers_that_ask_for_the_whole(path, header):
    answer = get(path, range=header)
    assert (answer.status_code, body_of(answer)) == (200, BODY)


def test_range_only_if_nothing_changed(path):
    etag = get(path)["ETag"]
    for condition, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        answer = get(path, range="bytes=0-1", if_range=condition)
        assert answer.status_code == status, condition
        body_of(answer)


@pytest.mark.parametrize("form", ["{}", "W/{}", '"a", {}', "*"])
def test_not_modified(path, form):
    etag = get(path)["ETag"]
    answer = get(path, if_none_match=form.format(etag), range="bytes=0-1")
    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    assert answer["Content-Length"] == str(SIZE)
    assert get(path, if_none_match='"other"').status_code == 200


def test_head(path):
    answer = Client(headers={"range": "bytes=0-1"}).head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Length"] == str(SIZE)
    assert answer["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_only_read(path, method):
    assert getattr(Client(), method)(path).status_code == 405


def test_every_character_of_the_signed_part_counts(path):
    signed = path.split("/")[2]
    for place, char in enumerate(signed):
        other = next(each for each in string.ascii_letters[place:] if each != char)
        altered = signed[:place] + other + signed[place + 1 :]
        answer = get(path.replace(signed, altered))
        assert answer.status_code == 404, altered
        assert answer.json()["error"]["code"] == "not_found"
    for altered in (signed[:-1], signed + "A", signed.swapcase(), f" {signed}", signed[1:]):
        assert get(path.replace(signed, altered)).status_code == 404, altered


def test_the_name_does_not_matter(path):
    assert get(path.rsplit("/", 1)[0] + "/anything.exe")["Content-Type"] == "image/jpeg"


def test_signature_of_an_old_key_stays_good(path, settings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert get(path).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert get(path).status_code == 404


def test_only_ready_files(path):
    MediaFile.objects.update(status="failed")
    assert get(path).status_code == 404


def test_deleted_file(path):
    MediaFile.objects.all().delete()
    assert get(path).status_code == 404


def test_bytes_that_are_gone(path):
    stored()[0].unlink()
    answer = get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert "Cache-Control" not in answer


def test_storage_out_of_reach(path, monkeypatch):
    from django.core.files.storage import FileSystemStorage

    def fail(self, name, mode="rb"):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(FileSystemStorage, "_open", fail)
    answer = get(path)
    assert (answer.status_code, answer["Retry-After"]) == (502, "10")
    assert answer.json()["error"]["code"] == "storage_unavailable"
    assert "route" not in answer.content.decode()


def test_one_query(path, django_assert_num_queries):
    with django_assert_num_queries(1):
        body_of(get(path, range="bytes=0-1"))


@given(st.integers(1, 10_000), st.integers(0, 12_000), st.integers(0, 12_000))
def test_closed_ranges(size, start, end):
    header = f"bytes={start}-{end}"
    if end < start:
        assert read_range(header, size) is None
    elif start >= size:
        with pytest.raises(NotSatisfiableError):
            read_range(header, size)
    else:
        assert read_range(header, size) == Part(start, min(end, size - 1) - start + 1)


@given(st.text(alphabet="bytes=-0123456789, ") | st.text(), st.integers(1, 10_000))
def test_whatever_is_asked_lies_within_the_file(header, size):
    try:
        part = read_range(header, size)
    except NotSatisfiableError:
        return
    assert part is None or (0 <= part.start < part.start + part.length <= size)


def test_links_of_an_older_secret_key_are_served(api, path, settings):
    """To the end: what was handed out before the key changed opens the file after it."""
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a new one" * 8
    assert get(path).status_code == 404
    settings.SECRET_KEY_FALLBACKS = [old]
    assert body_of(get(path)) == BODY
    (listed,) = api.get("/api/v1/media_files").json()["media_files"]
    fresh = urlsplit(listed["url"]).path
    settings.SECRET_KEY_FALLBACKS = []
    assert (get(fresh).status_code, fresh == path) == (200, False)
