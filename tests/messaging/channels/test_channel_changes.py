"""PATCH and DELETE of a channel."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inro.accounts.models import AuditEntry
from messaging.connecting import connect_channel
from messaging.delivery.tasks import pump
from messaging.models import Channel, Contact, Event, Identity, Message, Pump, Stream
from tests.conftest import client_of
from tests.messaging.channels.test_channels_api import CHANNELS, SECRET, TOKEN, instagram

pytestmark = pytest.mark.django_db

NEW = "IGAA-another-token-of-the-shop-9876"


@pytest.fixture
def woken(monkeypatch, django_capture_on_commit_callbacks):
    ids = []
    monkeypatch.setattr(pump, "apply_async", lambda args, **options: ids.extend(args))
    return ids


@pytest.fixture
def shown(api):
    return api.post(CHANNELS, instagram()).json()


def url(shown):
    return f"{CHANNELS}/{shown['id']}"


def patched(api, shown, body):
    answer = api.patch(url(shown), body)
    assert answer.status_code == 200, answer.content
    assert api.get(url(shown)).json() == answer.json()
    return answer.json()


def refused(api, shown, body, status=400, code="validation_failed"):
    before = list(Channel.objects.order_by("pk").values())
    answer = api.patch(url(shown), body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert list(Channel.objects.order_by("pk").values()) == before
    return error.get("details", {})


class TestChange:
    def test_our_own_answer_sent_back_changes_nothing(self, api, shown):
        after = patched(api, shown, shown)
        assert after == shown | {"updated_at": after["updated_at"]}
        assert Channel.objects.get().secrets == {
            "access_token": TOKEN,
            "app_secrets": [SECRET, "short"],
        }

    def test_only_what_is_given_changes(self, api, shown, workspace):
        after = patched(api, shown, {"name": "Boutique", "login": "facebook"})
        changed = {"name": "Boutique", "login": "facebook", "updated_at": after["updated_at"]}
        assert after == shown | changed
        assert Channel.objects.get().secrets["access_token"] == TOKEN
        entry = AuditEntry.objects.latest("pk")
        assert (entry.workspace, entry.action) == (workspace, "channel changed")
        assert entry.details == {"fields": ["name", "login"]}

    def test_it_is_noted_what_changed_and_never_a_secret(self, api, shown):
        AuditEntry.objects.all().delete()
        patched(api, shown, {**shown, "access_token": NEW, "pacing": {"text_per_second": 5}})
        patched(api, shown, {"status": "paused"})
        patched(api, shown, {"name": "Shop", "access_token": "•••9876"})
        refused(api, shown, {"name": "x" * 121})
        noted = AuditEntry.objects.order_by("pk").values_list("action", "details")
        assert list(noted) == [
            ("channel changed", {"fields": ["pacing", "access_token"]}),
            ("channel changed", {"fields": ["status"]}),
        ]

    def test_secrets_are_replaced_beside_masks(self, api, shown):
        body = {"access_token": NEW, "app_secrets": ["•••", "another-secret", "•••cdef"]}
        after = patched(api, shown, body)
        assert after["access_token"] == "•••9876"
        assert Channel.objects.get().secrets == {
            "access_token": NEW,
            "app_secrets": ["short", "another-secret", SECRET],
        }

    def test_all_faults_at_once(self, api, shown):
        body = {
            "kind": "sandbox",
            "name": "x" * 121,
            "account_id": "../me",
            "access_token": "•••zzzz",
            "app_secrets": ["•••zzzz"],
            "login": "google",
            "status": "error",
            "colour": "red",
        }
        faults = refused(api, shown, body)
        assert set(faults) == {*(set(body) - {"app_secrets"}), "app_secrets.0"}

    @pytest.mark.parametrize("status", ["error", "gone", None, [], 5])
    def test_status_that_nobody_can_give(self, api, shown, status):
        assert set(refused(api, shown, {"status": status})) == {"status"}

    @pytest.mark.parametrize("body", [[], "x", 5])
    def test_a_body_must_be_an_object(self, api, shown, body):
        assert refused(api, shown, body)

    def test_account_of_another_channel(self, api, shown):
        other = api.post(CHANNELS, instagram(account_id="178999")).json()
        refused(api, shown, {"account_id": "178999", "name": "x"}, 409, "conflict")
        assert patched(api, other, {"account_id": "178998"})["account_id"] == "178998"

    def test_who_may(self, shown, workspace, stranger):
        refused(client_of(stranger), shown, {"name": "x"}, 404, "not_found")
        refused(client_of(workspace, ["channels.read"]), shown, {}, 403, "missing_ability")


class TestStatus:
    def change(self, api, shown, body, capture):
        with capture(execute=True):
            return patched(api, shown, body)["status"]

    def test_paused_and_connected(self, api, shown, woken, django_capture_on_commit_callbacks):
        capture = django_capture_on_commit_callbacks
        assert self.change(api, shown, {"status": "paused"}, capture) == "paused"
        assert self.change(api, shown, {"access_token": NEW}, capture) == "paused"
        assert woken == []
        assert self.change(api, shown, {"status": "connected"}, capture) == "connected"
        assert woken == [shown["id"]]
        assert self.change(api, shown, {"status": "connected"}, capture) == "connected"
        assert woken == [shown["id"]]

    @pytest.mark.parametrize("more", [{}, {"status": "error"}, {"status": "connected"}])
    def test_new_token_mends(self, api, shown, woken, more, django_capture_on_commit_callbacks):
        Channel.objects.update(status="error", status_reason="The token has expired.")
        capture = django_capture_on_commit_callbacks
        assert self.change(api, shown, {"access_token": "•••4321"}, capture) == "error"
        assert api.get(url(shown)).json()["status_reason"] == "The token has expired."
        assert self.change(api, shown, {"access_token": NEW, **more}, capture) == "connected"
        assert api.get(url(shown)).json()["status_reason"] == ""
        assert woken == [shown["id"]]


class TestRemove:
    def test_unused_it_goes(self, api, shown, workspace):
        channel = Channel.objects.get()
        contact = Contact.objects.create(workspace=workspace, username="jane")
        Identity.objects.create(
            workspace=workspace, channel=channel, contact=contact, external_id="1"
        )
        other = connect_channel(workspace, "sandbox", "", {})
        answer = api.delete(url(shown))
        assert (answer.status_code, answer.content) == (204, b"")
        assert Channel.objects.get() == other
        assert (Pump.objects.count(), Stream.objects.count()) == (1, 2)
        assert (Identity.objects.count(), Event.objects.count()) == (0, 0)
        assert Contact.objects.get() == contact
        assert AuditEntry.objects.latest("pk").action == "channel removed"
        assert api.delete(url(shown)).status_code == 404

    def test_conversations_keep_it(self, api, shown, workspace):
        contact = Contact.objects.create(workspace=workspace, username="jane")
        Message.objects.create(
            workspace=workspace,
            channel_id=shown["id"],
            contact=contact,
            direction="inbound",
            status="received",
        )
        answer = api.delete(url(shown))
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "in_use")
        assert (Channel.objects.count(), Message.objects.count()) == (1, 1)
        assert [entry.action for entry in AuditEntry.objects.all()] == ["channel connected"]

    def test_who_may(self, shown, workspace, stranger):
        assert client_of(stranger).delete(url(shown)).status_code == 404
        assert client_of(workspace, ["channels.read"]).delete(url(shown)).status_code == 403
        assert Channel.objects.count() == 1


class TestPacing:
    OWN = {"text_per_second": 100, "media_per_second": 10}

    def test_given_when_it_is_connected(self, api):
        body = instagram(pacing={"text_per_second": 20})
        shown = api.post(CHANNELS, body).json()
        assert shown["pacing"] == self.OWN | {"text_per_second": 20}
        channel = Channel.objects.get()
        assert (channel.text_per_second, channel.media_per_second) == (20, None)

    def test_changed_and_given_back(self, api, shown):
        patched(api, shown, {"pacing": {"text_per_second": 20}})
        after = patched(api, shown, {"pacing": {"media_per_second": 300}})
        assert after["pacing"] == {"text_per_second": 20, "media_per_second": 300}
        assert patched(api, shown, {"name": "x"})["pacing"] == after["pacing"]
        patched(api, shown, {"pacing": {"text_per_second": None, "media_per_second": 10}})
        channel = Channel.objects.get()
        assert (channel.text_per_second, channel.media_per_second) == (None, None)

    def test_sandbox_has_no_limit_of_its_own(self, api):
        shown = api.post(CHANNELS, {"kind": "sandbox"}).json()
        assert shown["pacing"] == {"text_per_second": None, "media_per_second": None}
        assert patched(api, shown, shown)["pacing"] == shown["pacing"]

    @pytest.mark.parametrize(
        ("pacing", "faults"),
        [
            (
                {"text_per_second": 0, "media_per_second": 10_001},
                {"pacing.text_per_second", "pacing.media_per_second"},
            ),
            (
                {"text_per_second": 1.5, "media_per_second": "fast"},
                {"pacing.text_per_second", "pacing.media_per_second"},
            ),
            ({"text_per_second": 5, "calls": 1}, {"pacing.calls"}),
            (7, {"pacing"}),
            (None, {"pacing"}),
        ],
    )
    def test_what_is_no_limit(self, api, shown, pacing, faults):
        assert set(refused(api, shown, {"pacing": pacing})) == faults

    def test_number_of_queries_does_not_grow(self, api):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                assert api.get(CHANNELS).status_code == 200
            return len(queries)

        api.post(CHANNELS, instagram())
        one = cost()
        for n in range(4):
            api.post(CHANNELS, instagram(account_id=f"1784{n}"))
        assert cost() == one
