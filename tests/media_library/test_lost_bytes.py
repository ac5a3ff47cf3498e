"""Rows whose stored file is gone: the same bytes, given again, mend them."""

from urllib.parse import urlsplit

import pytest

from media_library.models import Blob
from tests.media_library import files
from tests.media_library.conftest import stored, temporary, upload
from tests.media_library.test_life_races import put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost(api):
    file = upload(api, files.picture()).json()
    (path,) = stored()
    path.unlink()
    assert api.get(urlsplit(file["url"]).path).status_code == 404
    return file


def assert_mended(api, file) -> None:
    answer = api.get(urlsplit(file["url"]).path)
    assert (answer.status_code, answer.getvalue()) == (200, files.picture())
    (path,) = stored()
    assert Blob.objects.get().storage_name.endswith(path.name)
    assert temporary() == []


def test_uploaded_again(api, lost):
    again = upload(api, files.picture())
    assert again.status_code == 201
    assert_mended(api, lost)
    assert_mended(api, again.json())


def test_put_in_their_place(api, lost):
    assert put(api, lost["id"], files.picture()).status_code == 200
    assert_mended(api, lost)


def test_what_is_there_is_not_written_again(api):
    upload(api, files.picture())
    before = stored()
    upload(api, files.picture())
    assert stored() == before
