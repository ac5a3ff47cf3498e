"""The sandbox from both sides: a pretend person writes, and sees what comes back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from media_library.models import Blob, MediaFile
from messaging import receiving
from messaging.buttons import Button, as_rows
from messaging.connecting import connect_channel
from messaging.models import Contact, Event, Identity, Message, Stream
from messaging.tasks import apply_events
from tests.conftest import client_of
from tests.messaging.inbound import instagram

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(workspace):
    return connect_channel(workspace, "sandbox", "Playground", {})


@pytest.fixture
def simulate(api, sandbox, django_capture_on_commit_callbacks):
    def call(body, channel=sandbox):
        with django_capture_on_commit_callbacks():
            return api.post(f"/api/v1/channels/{channel.pk}/simulate", body)

    return call


class TestSimulate:
    def test_it_comes_in_as_an_event_of_a_provider(self, simulate, sandbox):
        answer = simulate({"from": "jane", "text": "hello"})
        assert answer.status_code == 202, answer.content
        event = Event.objects.get()
        assert answer.json() == {"event_id": event.pk}
        assert (event.status, event.kind, event.channel) == ("recorded", "message", sandbox)
        receiving.apply_events([event.pk])
        identity = Identity.objects.get()
        assert (identity.external_id, identity.contact.username) == ("jane", "jane")
        assert Message.objects.get().text == "hello"

    def test_the_worker_is_woken(
        self, api, sandbox, monkeypatch, django_capture_on_commit_callbacks
    ):
        sent = []
        monkeypatch.setattr(apply_events, "apply_async", lambda args, **options: sent.append(args))
        with django_capture_on_commit_callbacks(execute=True):
            answer = api.post(f"/api/v1/channels/{sandbox.pk}/simulate", {"from": "j", "text": "x"})
        assert sent == [([answer.json()["event_id"]],)]

    def test_the_same_words_twice_are_two_messages(self, simulate):
        ids = [simulate({"from": "jane", "text": "hi"}).json()["event_id"] for _ in range(2)]
        receiving.apply_events(ids)
        assert Message.objects.count() == 2
        assert Contact.objects.count() == 1

    @pytest.mark.parametrize(
        ("url", "kind"),
        [
            ("https://files.example/cat.JPG?x=1", "image"),
            ("https://files.example/a.mp3", "audio"),
            ("https://files.example/v.mp4", "video"),
            ("https://files.example/doc.pdf", "file"),
            ("https://files.example/whatever", "file"),
        ],
    )
    def test_an_attachment(self, simulate, url, kind):
        receiving.apply_events([simulate({"from": "j", "attachment_url": url}).json()["event_id"]])
        stored = Message.objects.get()
        assert stored.message_type == kind
        assert stored.content["attachments"] == [{"message_type": kind, "url": url}]

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ({"text": "hi"}, "from"),
            ({"from": "", "text": "hi"}, "from"),
            ({"from": "jane"}, "text"),
            ({"from": "jane", "text": ""}, "text"),
            ({"from": "jane", "text": "a\0b"}, "text"),
            ({"from": "jane", "text": "hi", "attachment_url": "cat.jpg"}, "attachment_url"),
            ({"from": "jane", "text": "hi", "mood": "good"}, "mood"),
            ({"from": "jane", "comment": "nice post"}, "comment"),
            ({"from": "jane", "text": "hi", "story_reply": {}}, "story_reply"),
            ({"story_reply": {}}, "story_reply"),
            ({"story_reply": {}}, "from"),
        ],
    )
    def test_what_cannot_be_simulated_is_refused_by_name(self, simulate, body, fault):
        answer = simulate(body)
        assert answer.status_code == 400
        assert fault in answer.json()["error"]["details"]
        assert not Event.objects.exists()

    def test_real_channels_have_real_people(self, simulate, workspace):
        answer = simulate({"from": "jane", "text": "hello"}, instagram.connect(workspace))
        assert answer.status_code == 409
        assert "sandbox" in answer.json()["error"]["message"]

    def test_a_reader_may_not(self, workspace, sandbox):
        reader = client_of(workspace, ["channels.read"])
        path = f"/api/v1/channels/{sandbox.pk}/simulate"
        assert reader.post(path, {"from": "jane", "text": "hello"}).status_code == 403


@pytest.fixture
def shown(sandbox, simulate):
    """Show answers to jane under a message that went out."""
    receiving.apply_events([simulate({"from": "jane", "text": "hi"}).json()["event_id"]])
    contact = Contact.objects.get()

    def show(*buttons, **fields):
        values = {"status": "delivered", "sent_at": timezone.now()} | fields
        return Message.objects.create(
            workspace=sandbox.workspace,
            channel=sandbox,
            contact=contact,
            stream=Stream.objects.get(channel=sandbox, kind="replies"),
            direction="outbound",
            message_type="text",
            text="Well?",
            buttons=as_rows(buttons),
            **values,
        )

    return show


YES, NO = Button.reply("Yes", "p_yes"), Button.reply("No", "")


class TestTaps:
    def said(self, event_id):
        receiving.apply_events([event_id])
        stored = Message.objects.latest("pk")
        kind = Event.objects.get(pk=event_id).kind
        return kind, stored.direction, stored.text, stored.content["reply_payload"]

    @pytest.mark.parametrize("tapped", ["p_yes", "Yes"])
    def test_an_answer_by_payload_or_title(self, simulate, shown, tapped):
        shown(YES, NO)
        answer = simulate({"from": "jane", "quick_reply": tapped})
        assert answer.status_code == 202, answer.content
        assert self.said(answer.json()["event_id"]) == ("message", "inbound", "Yes", "p_yes")

    def test_an_answer_without_payload_comes_with_its_title(self, simulate, shown):
        shown(YES, NO)
        event_id = simulate({"from": "jane", "quick_reply": "No"}).json()["event_id"]
        assert self.said(event_id) == ("message", "inbound", "No", "No")

    def test_of_two_with_the_same_title_the_newer(self, simulate, shown):
        shown(Button.reply("Yes", "older"))
        shown(Button.reply("Yes", "newer"))
        shown()
        event_id = simulate({"from": "jane", "quick_reply": "Yes"}).json()["event_id"]
        assert self.said(event_id)[3] == "newer"

    def refused(self, simulate, body):
        before = Event.objects.count()
        answer = simulate(body)
        assert answer.status_code == 400, answer.content
        assert Event.objects.count() == before
        return answer.json()["error"]["details"]

    def test_what_was_not_shown_names_what_was(self, simulate, shown):
        shown(YES, NO, Button.link("Shop", "https://s.example"))
        shown(Button.reply("Later", "l"), status="queued", sent_at=None)
        assert self.refused(simulate, {"from": "jane", "quick_reply": "Shop"}) == {
            "quick_reply": ["jane was not shown 'Shop'. There is to tap: Yes, No."]
        }

    @pytest.mark.parametrize("person", ["jane", "nobody"])
    def test_where_nothing_was_shown(self, simulate, shown, person):
        assert self.refused(simulate, {"from": person, "quick_reply": "Yes"}) == {
            "quick_reply": [f"{person} was not shown 'Yes'. There is nothing to tap."]
        }

    def test_a_postback(self, simulate):
        event_id = simulate({"from": "jane", "postback": "START", "text": "Go"}).json()["event_id"]
        assert self.said(event_id) == ("postback", "inbound", "Go", "START")
        event_id = simulate({"from": "jane", "postback": "MENU"}).json()["event_id"]
        assert self.said(event_id) == ("postback", "inbound", "", "MENU")

    @pytest.mark.parametrize(
        ("body", "faults"),
        [
            ({"quick_reply": "Yes", "text": "Yes"}, {"text"}),
            ({"quick_reply": "Yes", "attachment_url": "https://a.example/b"}, {"attachment_url"}),
            ({"quick_reply": "Yes", "postback": "START"}, {"postback"}),
            ({"postback": "START", "attachment_url": "https://a.example/b"}, {"attachment_url"}),
            ({"postback": ""}, {"postback"}),
            ({"quick_reply": "x" * 1001}, {"quick_reply"}),
            ({"reaction": "love", "quick_reply": "Yes"}, {"reaction"}),
        ],
    )
    def test_what_does_not_go_together(self, simulate, shown, body, faults):
        shown(YES)
        assert set(self.refused(simulate, {"from": "jane", **body})) == faults


class TestOutbox:
    @pytest.fixture
    def send(self, sandbox):
        contact = Contact.objects.create(workspace=sandbox.workspace, username="jane")
        Identity.objects.create(
            workspace=sandbox.workspace, channel=sandbox, contact=contact, external_id="jane"
        )
        stream = Stream.objects.get(channel=sandbox, kind="replies")

        def sent(text, ago=0, **fields):
            values = {
                "direction": "outbound",
                "message_type": "text",
                "status": "delivered",
                "sent_at": timezone.now() - timedelta(seconds=ago),
                **fields,
            }
            return Message.objects.create(
                workspace=sandbox.workspace,
                channel=sandbox,
                contact=contact,
                stream=stream,
                text=text,
                **values,
            )

        return sent

    def outbox(self, api, sandbox, **query):
        answer = api.get(f"/api/v1/channels/{sandbox.pk}/outbox", query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def test_what_went_out_newest_first(self, api, sandbox, send):
        second = send("second", ago=1)
        buttons = [
            {"type": "reply", "title": "Yes", "payload": "y"},
            {"type": "url", "title": "Shop", "url": "https://shop.example/"},
        ]
        first = send("first", ago=5, buttons=buttons)
        send("not yet", status="queued", sent_at=None)
        send("came in", direction="inbound", status="received")
        answer = self.outbox(api, sandbox)
        assert [sent["id"] for sent in answer["outbox"]] == [second.pk, first.pk]
        assert answer["outbox"][1] == {
            "id": first.pk,
            "to": "jane",
            "message_type": "text",
            "text": "first",
            "media_url": None,
            "buttons": buttons,
            "at": answer["outbox"][1]["at"],
        }
        assert answer["meta"] == {"page": 1, "per_page": 200, "total": 2, "total_pages": 1}

    def test_a_file_has_its_address(self, api, sandbox, send, settings):
        blob = Blob.objects.create(
            workspace=sandbox.workspace,
            sha256="0" * 64,
            size=10,
            mime_type="image/png",
            storage_name="cat",
        )
        file = MediaFile.objects.create(
            workspace=sandbox.workspace, media_type="image", name="cat.png", blob=blob
        )
        send("look", message_type="image", media_file=file)
        url = self.outbox(api, sandbox)["outbox"][0]["media_url"]
        assert url.startswith(f"{settings.PUBLIC_URL}/media/")
        assert url.endswith("cat.png")
        file.delete()
        assert self.outbox(api, sandbox)["outbox"][0]["media_url"] is None

    def test_up_to_500_a_page(self, api, sandbox, send):
        for number in range(3):
            send(str(number))
        assert len(self.outbox(api, sandbox, per_page=2)["outbox"]) == 2
        assert self.outbox(api, sandbox, per_page=10_000)["meta"]["per_page"] == 500

    def test_only_its_own(self, api, sandbox, send, workspace):
        send("mine")
        other = connect_channel(workspace, "sandbox", "Other", {})
        assert self.outbox(api, other)["outbox"] == []

    def test_the_cost_does_not_grow(self, api, sandbox, send, django_assert_max_num_queries):
        for number in range(20):
            send(str(number))
        with django_assert_max_num_queries(5):
            assert len(self.outbox(api, sandbox)["outbox"]) == 20

    def test_messages_of_real_people_are_not_shown_here(self, api, workspace):
        real = instagram.connect(workspace)
        assert api.get(f"/api/v1/channels/{real.pk}/outbox").status_code == 409
