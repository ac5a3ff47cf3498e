"""The door that providers come in by: what is let in, and what is stored of it."""

import json
from uuid import uuid4

import pytest
from django.test import Client

from messaging.connecting import connect_channel
from messaging.models import Channel, Event, EventStatus
from tests.messaging.inbound import instagram
from tests.messaging.inbound.instagram import ACCOUNT, JANE, NOON, body, echo, item, message

pytestmark = pytest.mark.django_db


class TestHandshake:
    def ask(self, channel, **query):
        path = f"/webhooks/{channel.kind}/{channel.uuid}"
        return Client().get(path, {f"hub.{name}": value for name, value in query.items()})

    def test_it_answers_the_raw_challenge(self, channel):
        answer = self.ask(
            channel, mode="subscribe", verify_token=channel.verify_token, challenge="1158201444"
        )
        assert answer.status_code == 200
        assert answer.content == b"1158201444"
        assert answer["Content-Type"] == "text/plain"
        assert answer["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        "changed",
        [{"verify_token": "wrong"}, {"verify_token": "pässwort"}, {"mode": "unsubscribe"}],
    )
    def test_it_refuses_what_is_not_proven(self, channel, changed):
        query = {"mode": "subscribe", "verify_token": channel.verify_token, "challenge": "1"}
        answer = self.ask(channel, **{**query, **changed})
        assert answer.status_code == 403
        assert answer.content != b"1"

    def test_it_refuses_a_bare_call(self, channel):
        assert self.ask(channel).status_code == 403


class TestSignature:
    def test_a_signed_body_is_taken(self, post, woken):
        assert post(body(message())).status_code == 200
        event = Event.objects.get()
        assert event.status == EventStatus.RECORDED
        assert woken == [event.pk]

    def test_any_of_several_secrets_signs(self, post, workspace):
        two = instagram.connect(workspace, "178400002", secrets=("old-secret", "new-secret"))
        payload = body(message(recipient="178400002"), account="178400002")
        for secret in ("old-secret", "new-secret"):
            assert post(payload, secret=secret, to=two).status_code == 200
        assert Event.objects.get().channel == two

    @pytest.mark.parametrize(
        "signature", ["", "sha256=", "sha256=0123", "sha1=" + "0" * 40, "sha256=ü" + "0" * 63]
    )
    def test_a_missing_or_bad_signature_leaves_no_row(self, post, woken, signature):
        answer = post(body(message()), signature=signature)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "authentication_failed"
        assert not Event.objects.exists()
        assert not woken

    def test_a_secret_of_somebody_else_does_not_sign(self, post):
        assert post(body(message()), secret="another-secret").status_code == 401

    def test_the_raw_bytes_are_signed(self, post):
        # As Meta sends it: escaped, with spaces of its own.
        account = ACCOUNT.encode()
        raw = b'{ "object":"instagram", "entry":[{"id":"%s","time":1,"messaging":[' % account
        raw += b'{"sender":{"id":"9"},"recipient":{"id":"1"},"timestamp":%d,' % NOON
        raw += b'"message":{"mid":"m","text":"gr\\u00fc\\u00dfe \\ud83d\\ude00"}}]}]}'
        assert post(raw=raw).status_code == 200
        assert Event.objects.get().payload["message"]["text"] == "grüße 😀"


class TestAddress:
    def test_an_unknown_address_is_missing(self, channel):
        for path in (f"instagram/{uuid4()}", f"telegram/{channel.uuid}", "instagram/7"):
            assert Client().get(f"/webhooks/{path}").status_code == 404
            assert Client().post(f"/webhooks/{path}").status_code == 404

    def test_the_kind_must_be_the_channels(self, channel):
        assert Client().post(f"/webhooks/sandbox/{channel.uuid}").status_code == 404

    def test_the_sandbox_has_none(self, workspace):
        sandbox = connect_channel(workspace, "sandbox", "", {})
        for call in (Client().get, Client().post):
            assert call(f"/webhooks/sandbox/{sandbox.uuid}").status_code == 404

    def test_only_get_and_post(self, channel):
        assert Client().put(f"/webhooks/instagram/{channel.uuid}").status_code == 405

    @pytest.mark.parametrize("status", ["paused", "error"])
    def test_a_stopped_channel_still_listens(self, post, channel, status):
        Channel.objects.filter(pk=channel.pk).update(status=status)
        assert post(body(message())).status_code == 200
        assert Event.objects.count() == 1


class TestBody:
    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"null",
            b"7",
            b'"instagram"',
            b"\xff\xfe",
            b'{"object":"page","entry":[]}',
            b'[{"object":"instagram"},{"object":"page"}]',
            b'{"object":"instagram","entry":[NaN]}',
            b'{"object":"instagram","entry":' + b"[" * 100 + b"]" * 100 + b"}",
            b'{"object":"instagram","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"object":"instagram","entry":[' + b"9" * 5000 + b"]}",
        ],
        ids=lambda raw: repr(raw[:40]),
    )
    def test_what_is_not_a_notification_is_refused(self, post, raw):
        answer = post(raw=raw)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "malformed_json"
        assert not Event.objects.exists()

    def test_what_no_database_can_hold_is_left_out(self, post):
        raw = json.dumps(body(message("a\0b \ud800 c", mid="m\0"))).encode()
        raw = raw.replace(b'"time"', b'"big": 1e999, "time"')
        assert post(raw=raw).status_code == 200
        assert Event.objects.get().payload["message"] == {"mid": "m", "text": "ab ? c"}

    def test_a_body_that_is_too_large_is_refused(self, post):
        assert post(raw=b" " * (5 * 1024 * 1024 + 1)).status_code == 413
        assert not Event.objects.exists()

    def test_too_many_events_are_refused(self, post):
        assert post(body(*[{}] * 5_001)).status_code == 413
        assert not Event.objects.exists()

    def test_a_top_level_array_is_taken(self, post):
        assert post([body(message()), body(message())]).status_code == 200
        assert Event.objects.count() == 2


class TestEvents:
    def test_each_contained_event_is_a_row(self, post, woken):
        payload = {
            "object": "instagram",
            "entry": [
                *body(message("one"), message("two"), item(read={"mid": "x"}))["entry"],
                *body(instagram.comment(), name="changes")["entry"],
                *body(echo("from us"))["entry"],
                {"id": ACCOUNT, "time": NOON, "something": "new"},
            ],
        }
        assert post(payload).status_code == 200
        found = list(Event.objects.order_by("pk").values_list("kind", "status"))
        assert found == [
            ("message", "recorded"),
            ("message", "recorded"),
            ("read", "recorded"),
            ("comment", "ignored"),
            ("echo", "recorded"),
            ("other", "ignored"),
        ]
        assert len(woken) == 4

    def test_the_same_body_twice_is_one_event(self, post, woken):
        payload = body(message())
        assert [post(payload).status_code for _ in range(3)] == [200, 200, 200]
        event = Event.objects.get()
        # Not applied yet, so each delivery wakes a worker for it.
        assert woken == [event.pk] * 3

    def test_an_applied_event_wakes_nobody_again(self, post, woken):
        payload = body(message())
        post(payload)
        Event.objects.update(status=EventStatus.APPLIED)
        woken.clear()
        post(payload)
        assert not woken

    def test_an_overlapping_batch_adds_what_is_new(self, post):
        one, two, three = message("1"), message("2"), message("3")
        post(body(one, two))
        post(body(three, two, one, one))
        assert Event.objects.count() == 3

    def test_what_shares_a_message_id_is_not_the_same_event(self, post):
        post(
            body(
                message("hi", mid="m"),
                item(message={"mid": "m", "is_deleted": True}),
                item(message_edit={"mid": "m", "text": "hi!", "num_edit": 1}),
                item(message_edit={"mid": "m", "text": "hi!!", "num_edit": 2}),
                item(read={"mid": "m"}),
                item(read={"mid": "m"}, at=NOON + 1),
                item(reaction={"mid": "m", "action": "react", "emoji": "❤"}),
                item(reaction={"mid": "m", "action": "unreact"}),
            )
        )
        assert Event.objects.count() == 8

    def test_the_cost_does_not_grow_with_the_batch(self, post, django_assert_num_queries):
        with django_assert_num_queries(2):  # channel, insert
            post(body(message()))
        with django_assert_num_queries(5):  # channel, savepoint, insert, savepoint, ids
            post(body(*[message() for _ in range(50)]))
        assert Event.objects.count() == 51


class TestRouting:
    @pytest.fixture
    def sibling(self, workspace):
        return instagram.connect(workspace, "178400002")

    def test_an_account_that_shares_the_secret_gets_its_events(self, post, channel, sibling, woken):
        payload = body(message("to both"))
        payload["entry"] += body(message(recipient="178400002"), account="178400002")["entry"]
        assert post(payload).status_code == 200
        assert {event.channel for event in Event.objects.all()} == {channel, sibling}
        assert len(woken) == 2

    def test_an_account_with_another_secret_does_not(self, post, channel, workspace, woken):
        instagram.connect(workspace, "178400002", secrets=("quite-another-secret",))
        post(body(message(), account="178400002"))
        self.assert_kept_apart(channel, woken)

    def test_an_account_of_another_workspace_never_does(self, post, channel, stranger, woken):
        instagram.connect(stranger, "178400002")
        instagram.connect(stranger, ACCOUNT)
        post(body(message(), account="178400002"))
        self.assert_kept_apart(channel, woken)
        post(body(message()))
        assert Event.objects.get(status="recorded").channel == channel

    def test_an_unknown_account_is_kept_and_never_applied(self, post, channel, woken):
        post(body(message(), account="555"))
        post(body(message(), account=""))
        self.assert_kept_apart(channel, woken, times=2)

    def assert_kept_apart(self, channel, woken, times=1):
        found = list(Event.objects.values_list("channel_id", "workspace_id", "status"))
        assert found == [(channel.pk, channel.workspace_id, "unrouted")] * times
        assert not woken

    def test_one_person_may_write_to_two_accounts(self, post, sibling):
        post(body(message(mid="a"), message(mid="b")))
        post(body(message(mid="a"), account="178400002"))
        assert Event.objects.filter(external_id=JANE).count() == 3
