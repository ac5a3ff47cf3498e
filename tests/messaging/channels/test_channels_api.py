"""Channels by API: connecting, secrets that never come back, other workspaces."""

import pytest

from inro.accounts.models import AuditEntry
from messaging.connecting import connect_channel, open_account
from messaging.models import Channel, Pump, Stream
from tests.conftest import client_of

pytestmark = pytest.mark.django_db

CHANNELS = "/api/v1/channels"
TOKEN = "IGAA-a-token-of-the-shop-4321"
SECRET = "0123456789abcdef0123456789abcdef"


def instagram(**changed):
    body = {
        "kind": "instagram",
        "name": "Shop",
        "account_id": "17841400000000001",
        "access_token": TOKEN,
        "app_secrets": [SECRET, "short"],
    }
    return {name: value for name, value in {**body, **changed}.items() if value is not None}


class TestConnect:
    def test_instagram(self, api, workspace, settings):
        answer = api.post(CHANNELS, instagram())
        assert answer.status_code == 201, answer.content
        channel = Channel.objects.get()
        assert answer["Location"] == f"/api/v1/channels/{channel.pk}"
        shown = answer.json()
        assert shown == {
            "id": channel.pk,
            "uuid": str(channel.uuid),
            "kind": "instagram",
            "name": "Shop",
            "account_id": "17841400000000001",
            "access_token": "•••4321",
            "app_secrets": ["•••cdef", "•••"],
            "login": "instagram",
            "webhook_url": f"{settings.PUBLIC_URL}/webhooks/instagram/{channel.uuid}",
            "verify_token": channel.verify_token,
            "status": "connected",
            "status_reason": "",
            "paused_until": None,
            "pacing": {"text_per_second": 100, "media_per_second": 10},
            "created_at": shown["created_at"],
            "updated_at": shown["updated_at"],
        }
        assert api.get(answer["Location"]).json() == shown

    def test_it_can_write_at_once(self, api):
        api.post(CHANNELS, instagram())
        channel = Channel.objects.get()
        assert Pump.objects.get().channel == channel
        streams = Stream.objects.order_by("rank").values_list("kind", "rank", "state")
        assert list(streams) == [("replies", 0, "running"), ("api", 1, "running")]
        account = open_account(channel)
        assert account.secrets == {"access_token": TOKEN, "app_secrets": [SECRET, "short"]}
        assert account.settings == {"login": "instagram"}

    def test_secrets_are_nowhere_in_the_clear(self, api, caplog):
        answer = api.post(CHANNELS, instagram())
        row = str(Channel.objects.values().get())
        for place in (
            row,
            answer.content.decode(),
            api.get(CHANNELS).content.decode(),
            caplog.text,
        ):
            assert TOKEN not in place
            assert SECRET not in place

    def test_sandbox_takes_nothing_more(self, api):
        answer = api.post(CHANNELS, {"kind": "sandbox", "name": "Playground"})
        assert answer.status_code == 201
        shown = answer.json()
        assert shown["name"] == "Playground"
        assert shown["webhook_url"] is None
        assert shown["verify_token"] is None
        assert not {"account_id", "access_token", "app_secrets", "login"} & set(shown)

    def test_without_a_name_it_has_that_of_its_kind(self, api):
        assert api.post(CHANNELS, {"kind": "sandbox"}).json()["name"] == "Sandbox"

    def test_it_is_noted_who_did_it(self, api, workspace):
        api.post(CHANNELS, instagram())
        entry = AuditEntry.objects.get()
        assert (entry.workspace, entry.action) == (workspace, "channel connected")
        assert TOKEN not in str(entry.details)

    def test_an_account_once_in_a_workspace(self, api, stranger):
        assert api.post(CHANNELS, instagram()).status_code == 201
        again = api.post(CHANNELS, instagram(name="Again"))
        assert again.status_code == 409
        assert again.json()["error"]["code"] == "conflict"
        assert Channel.objects.count() == Pump.objects.count() == 1
        assert client_of(stranger).post(CHANNELS, instagram()).status_code == 201

    def test_several_sandboxes(self, api):
        assert [api.post(CHANNELS, {"kind": "sandbox"}).status_code for _ in "ab"] == [201, 201]


class TestRefusals:
    def faults(self, api, body):
        answer = api.post(CHANNELS, body)
        assert answer.status_code == 400, answer.content
        assert not Channel.objects.exists()
        return answer.json()["error"]["details"]

    def test_all_faults_at_once(self, api):
        body = instagram(
            name="x" * 121,
            account_id="../me",
            access_token=None,
            app_secrets=[],
            login="google",
            colour="red",
        )
        assert set(self.faults(api, body)) == {
            "name",
            "account_id",
            "access_token",
            "app_secrets",
            "login",
            "colour",
        }

    @pytest.mark.parametrize("token", ["two lines\r\nX-Evil: 1", "with space", "ünicode"])
    def test_a_token_that_no_header_can_hold(self, api, token):
        assert set(self.faults(api, instagram(access_token=token))) == {"access_token"}

    def test_a_fault_inside_a_list_is_named(self, api):
        assert set(self.faults(api, instagram(app_secrets=["good", ""]))) == {"app_secrets.1"}

    @pytest.mark.parametrize("kind", [None, "telegram", 7, [], {"a": 1}])
    def test_without_a_known_kind_only_the_kind_is_wrong(self, api, kind):
        assert set(self.faults(api, instagram(kind=kind))) == {"kind"}

    def test_options_of_another_kind_are_unknown(self, api):
        assert set(self.faults(api, instagram(kind="sandbox"))) == {
            "account_id",
            "access_token",
            "app_secrets",
        }

    @pytest.mark.parametrize("body", [[], [{}], "x", 5])
    def test_a_body_must_be_an_object(self, api, body):
        assert self.faults(api, body)

    def test_our_own_answer_sent_back_does_not_make_masks_secrets(self, api):
        shown = api.post(CHANNELS, instagram()).json()
        Channel.objects.all().delete()
        faults = self.faults(api, shown)
        assert set(faults) == {"access_token", "app_secrets.0", "app_secrets.1"}
        assert "the secret itself" in faults["access_token"][0]

    def test_with_secrets_filled_in_it_connects(self, api):
        shown = api.post(CHANNELS, instagram()).json()
        body = {**shown, "account_id": "178999", "access_token": TOKEN, "app_secrets": [SECRET]}
        again = api.post(CHANNELS, body)
        assert again.status_code == 201, again.content
        assert again.json()["uuid"] != shown["uuid"]


class TestReading:
    def test_newest_first_in_an_envelope(self, api, workspace):
        connect_channel(workspace, "sandbox", "one", {})
        connect_channel(workspace, "sandbox", "two", {})
        answer = api.get(CHANNELS).json()
        assert [channel["name"] for channel in answer["channels"]] == ["two", "one"]
        assert answer["meta"] == {"page": 1, "per_page": 25, "total": 2, "total_pages": 1}

    def test_the_cost_does_not_grow(self, api, workspace, django_assert_max_num_queries):
        for number in range(10):
            connect_channel(workspace, "sandbox", f"{number}", {})
        with django_assert_max_num_queries(4):  # token, its use, count, rows
            assert len(api.get(CHANNELS).json()["channels"]) == 10

    def test_of_another_workspace_it_is_missing(self, api, stranger):
        theirs = connect_channel(stranger, "sandbox", "", {})
        assert api.get(CHANNELS).json()["channels"] == []
        for path in ("", "/outbox"):
            assert api.get(f"{CHANNELS}/{theirs.pk}{path}").status_code == 404
        assert (
            api.post(f"{CHANNELS}/{theirs.pk}/simulate", {"from": "j", "text": "x"}).status_code
            == 404
        )

    def test_unknown_parameters_are_refused(self, api):
        assert "kind" in api.get(CHANNELS, {"kind": "sandbox"}).json()["error"]["details"]

    def test_me_tells_their_state(self, api, workspace):
        channel = connect_channel(workspace, "sandbox", "Playground", {})
        Channel.objects.update(status="error", status_reason="The token has expired.")
        assert api.get("/api/v1/me").json()["channels"] == [
            {
                "id": channel.pk,
                "kind": "sandbox",
                "name": "Playground",
                "status": "error",
                "status_reason": "The token has expired.",
            }
        ]

    def test_abilities(self, workspace):
        reader = client_of(workspace, ["channels.read"])
        assert reader.get(CHANNELS).status_code == 200
        refused = reader.post(CHANNELS, {"kind": "sandbox"})
        assert refused.status_code == 403
        assert "channels.write" in refused.json()["error"]["message"]
        assert client_of(workspace, ["messages.read"]).get(CHANNELS).status_code == 403
