"""The life of files and folders with several at it at once, each on a connection of its own."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from automations.models import Action
from media_library.models import Blob, Fetch, MediaFile, MediaFolder
from tests.conftest import client_of
from tests.media_library import files
from tests.media_library.conftest import error_code, stored, temporary, upload, upload_url
from tests.media_library.test_deleting import using
from tests.media_library.test_folders import made
from tests.waiting import at_once

FILES, FOLDERS = "/api/v1/media_files", "/api/v1/media_folders"
ROUNDS = 5

pytestmark = pytest.mark.usefixtures("transactional_db")


def codes(answers: Sequence[Any]) -> list[int]:
    return sorted(each.status_code for each in answers)


def assert_nothing_is_lost() -> None:
    """Every blob has its file and a row that refers to it, and every file its blob."""
    assert len(stored()) == Blob.objects.count()
    assert not Blob.objects.filter(media_files=None, fetches=None).exists()
    assert temporary() == []


def put(client: Any, pk: int, body: bytes) -> Any:
    raw = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("a", body)})
    return client.generic("PUT", f"{FILES}/{pk}", raw, MULTIPART_CONTENT)


class TestFolders:
    def test_two_moves_make_no_cycle(self, workspace, api):
        for number in range(ROUNDS):
            a, b = (made(api, f"{name}{number}")["id"] for name in "AB")
            answers = at_once(
                partial(client_of(workspace).patch, f"{FOLDERS}/{a}", {"parent_id": b}),
                partial(client_of(workspace).patch, f"{FOLDERS}/{b}", {"parent_id": a}),
            )
            assert codes(answers) == [200, 400]
            parents = dict(MediaFolder.objects.values_list("pk", "parent"))
            assert {parents[a], parents[b]} in ({None, a}, {None, b})

    def test_one_of_a_name(self, workspace, api):
        clients = [client_of(workspace) for _ in range(4)]
        answers = at_once(*[partial(c.post, FOLDERS, {"name": "x"}) for c in clients])
        assert codes(answers) == [201, 409, 409, 409]
        assert MediaFolder.objects.count() == 1

    def test_a_file_put_into_one_that_goes(self, workspace, api):
        for number in range(ROUNDS):
            folder = made(api, f"F{number}")["id"]
            moved = upload(api, files.picture()).json()["id"]
            clients = [client_of(workspace) for _ in range(3)]
            gone, came, changed = at_once(
                partial(clients[0].delete, f"{FOLDERS}/{folder}"),
                partial(upload, clients[1], files.picture(), folder_id=folder),
                partial(clients[2].patch, f"{FILES}/{moved}", {"folder_id": folder}),
            )
            assert gone.status_code == 204
            assert came.status_code in (201, 400)
            assert changed.status_code in (200, 400)
        assert not MediaFile.objects.exclude(folder=None).exists()
        assert_nothing_is_lost()


class TestDuplicates:
    @pytest.mark.parametrize(("wish", "other"), [("return", 200), ("error", 409)])
    def test_uploads(self, workspace, wish, other):
        clients = [client_of(workspace) for _ in range(4)]
        answers = at_once(
            *[partial(upload, c, files.picture(), on_duplicate=wish) for c in clients]
        )
        assert codes(answers) == sorted([201, other, other, other])
        assert MediaFile.objects.count() == 1
        if wish == "return":
            assert len({each.json()["id"] for each in answers}) == 1
        assert_nothing_is_lost()

    @pytest.mark.parametrize(("wish", "other"), [("return", 200), ("error", 409)])
    def test_downloads(self, workspace, workers, serve, wish, other):
        url = serve()
        clients = [client_of(workspace) for _ in range(3)]
        answers = at_once(*[partial(upload_url, c, url, on_duplicate=wish) for c in clients])
        workers.finish()
        assert codes(answers) == sorted([201, other, other])
        assert (MediaFile.objects.count(), Fetch.objects.count()) == (1, 0)
        assert_nothing_is_lost()

    def test_downloads_that_take_long(self, workspace, workers, serve, settings):
        settings.MEDIA_DOWNLOAD_WAIT = 0
        workers.rest()
        url = serve()
        clients = [client_of(workspace) for _ in range(3)]
        answers = at_once(*[partial(upload_url, c, url, on_duplicate="error") for c in clients])
        assert codes(answers) == [202, 202, 202]
        workers.finish()
        found = Counter(MediaFile.objects.values_list("status", "error_code"))
        assert found == {("ready", ""): 1, ("failed", "duplicate_media"): 2}
        assert_nothing_is_lost()


class TestDeleting:
    def test_once(self, workspace, api):
        pk = upload(api, files.picture()).json()["id"]
        clients = [client_of(workspace) for _ in range(4)]
        answers = at_once(*[partial(c.delete, f"{FILES}/{pk}") for c in clients])
        assert codes(answers) == [204, 404, 404, 404]
        assert_nothing_is_lost()

    def test_of_shared_bytes_and_of_their_coming_again(self, workspace, api):
        for _ in range(ROUNDS):
            twins = [upload(api, files.picture()).json()["id"] for _ in range(2)]
            clients = [client_of(workspace) for _ in range(3)]
            *gone, came = at_once(
                partial(clients[0].delete, f"{FILES}/{twins[0]}"),
                partial(clients[1].delete, f"{FILES}/{twins[1]}"),
                partial(upload, clients[2], files.picture()),
            )
            assert (codes(gone), came.status_code) == ([204, 204], 201)
            assert api.get(f"/media/{came.json()['url'].split('/media/')[1]}").status_code == 200
            api.delete(f"{FILES}/{came.json()['id']}")
            assert (Blob.objects.count(), stored()) == (0, [])

    def test_no_scenario_slips_in(self, workspace, api):
        """Either the scenario is there and the file too, or neither."""
        for _ in range(ROUNDS):
            pk = upload(api, files.picture()).json()["id"]
            clients = [client_of(workspace) for _ in range(2)]
            gone, came = at_once(
                partial(clients[0].delete, f"{FILES}/{pk}?if_unused=true"),
                partial(using, clients[1], pk),
            )
            assert (gone.status_code, came.status_code) in ((204, 409), (409, 201))
            refused = gone if gone.status_code == 409 else came
            assert error_code(refused) in ("in_use", "media_deleted")
            is_used = Action.objects.filter(media_file=pk).exists()
            is_here = MediaFile.objects.get(pk=pk).status == "ready"
            assert is_used == is_here == (came.status_code == 201)

    def test_no_change_slips_in(self, workspace, api):
        for _ in range(ROUNDS):
            first, pk = (upload(api, files.picture()).json()["id"] for _ in range(2))
            scenario = using(api, first).json()
            address = f"/api/v1/scenarios/{scenario['id']}"
            action = {"id": scenario["actions"][0]["id"], "media_file": {"id": pk}}
            clients = [client_of(workspace) for _ in range(2)]
            gone, changed = at_once(
                partial(clients[0].delete, f"{FILES}/{pk}?if_unused=true"),
                partial(clients[1].patch, address, {"actions": [action]}),
            )
            assert (gone.status_code, changed.status_code) in ((204, 409), (409, 200))
            assert MediaFile.objects.filter(status="deleted", actions__isnull=False).count() == 0


class TestReplacing:
    def test_two_that_take_each_others_bytes(self, workspace, api):
        for _ in range(ROUNDS):
            red, blue = files.picture(), files.picture(colour="blue")
            a, b = (upload(api, each).json()["id"] for each in (red, blue))
            clients = [client_of(workspace) for _ in range(2)]
            answers = at_once(
                partial(put, clients[0], a, blue),
                partial(put, clients[1], b, red),
            )
            assert codes(answers) == [200, 200]
            assert_nothing_is_lost()

    def test_one_that_goes_meanwhile(self, workspace, api):
        for _ in range(ROUNDS):
            pk = upload(api, files.picture()).json()["id"]
            clients = [client_of(workspace) for _ in range(3)]
            gone, *put_in = at_once(
                partial(clients[0].delete, f"{FILES}/{pk}"),
                partial(put, clients[1], pk, files.picture("PNG")),
                partial(put, clients[2], pk, files.picture("GIF")),
            )
            assert gone.status_code == 204
            assert {each.status_code for each in put_in} <= {200, 404}
            assert (Blob.objects.count(), stored()) == (0, [])
