"""The simulator's page: writing as a person, and seeing what that person sees."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from media_library.ingest import ingest_upload
from messaging import receiving
from messaging.buttons import Button
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Event, Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.admin.test_media_admin import jpeg
from tests.admin.test_scoping import address

XSS = "<script>alert(1)</script>"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def sandbox(workspace) -> Channel:
    return connect_channel(workspace, "sandbox", "Playground", {})


def page(channel, name="simulator"):
    return reverse(f"admin:messaging_channel_{name}", args=[channel.pk])


def say(browser, channel, person="jane", **fields):
    return browser.post(page(channel), {"person": person, **fields}, headers=HTMX)


def see(browser, channel, person="jane", seen=""):
    return browser.get(page(channel, "conversation"), {"person": person, "seen": seen})


def apply_all():
    receiving.apply_events(
        list(Event.objects.filter(status="recorded").values_list("pk", flat=True))
    )


def texts(answer):
    return re.findall(r'<span class="text">([^<]*)</span>', answer.text)


def test_the_channel_leads_to_it(browser, sandbox):
    assert page(sandbox) in browser.get(address(Channel, "change", sandbox.pk)).text


def test_writing(browser, sandbox):
    answer = say(browser, sandbox, text="hello")
    assert answer.headers["HX-Trigger"] == "written"
    assert texts(answer) == ["hello"]
    assert "arriving" in answer.text
    event = Event.objects.get()
    assert (event.channel, event.external_id, event.status) == (sandbox, "jane", "recorded")
    apply_all()
    answer = see(browser, sandbox)
    assert texts(answer) == ["hello"]
    assert "arriving" not in answer.text
    assert Contact.objects.get().username == "jane"


def test_without_script(browser, sandbox):
    answer = browser.post(page(sandbox), {"person": "jane & co", "text": "hello"})
    assert answer.headers["Location"] == page(sandbox) + "?person=jane+%26+co"
    assert texts(browser.get(answer.headers["Location"])) == ["hello"]
    answer = browser.post(page(sandbox), {"person": "jane"}, follow=True)
    assert "Give text" in answer.text
    assert Event.objects.count() == 1


def test_what_went_out(browser, sandbox, workspace):
    say(browser, sandbox, text="hello")
    apply_all()
    media_file = ingest_upload(workspace, SimpleUploadedFile("shop.jpg", jpeg()))
    contact = Contact.objects.get()
    buttons = (Button.reply("Yes", "answer:1"), Button.link("Look", "https://mybrand.com/sale"))
    draft = Draft(contact.pk, sandbox.pk, MessageType.TEXT, "Interested?", buttons=buttons)
    picture = Draft(
        contact.pk, sandbox.pk, MessageType.IMAGE, "Our shop", media_file_id=media_file.pk
    )
    queue_messages(workspace.pk, [draft, picture])
    Message.objects.filter(text="Interested?").update(status="failed", error_message="No luck.")
    answer = see(browser, sandbox)
    assert texts(answer) == ["hello", "Interested?", "Our shop"]
    assert '<button class="chip" name="quick_reply" value="answer:1">Yes</button>' in answer.text
    assert (
        'href="https://mybrand.com/sale" target="_blank" rel="noopener noreferrer"' in answer.text
    )
    assert f'<img src="/media/{media_file.pk}:' in answer.text
    assert "No luck." in answer.text


def test_nothing_is_answered_until_something_has_changed(browser, sandbox):
    first = say(browser, sandbox, text="hello")
    [seen] = re.findall(r"seen=(\w+)", first.text)
    assert see(browser, sandbox, seen=seen).status_code == 204
    apply_all()
    changed = see(browser, sandbox, seen=seen)
    assert changed.status_code == 200
    [seen] = re.findall(r"seen=(\w+)", changed.text)
    Message.objects.create(
        workspace=sandbox.workspace, channel=sandbox, contact=Contact.objects.get(),
        direction="inbound", message_type="text", text="more", status="received",
        sent_at=timezone.now(),
    )  # fmt: skip
    assert texts(see(browser, sandbox, seen=seen)) == ["hello", "more"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Give text"),
        ({"attachment_url": "no address"}, "Enter a valid URL."),
        ({"text": "x" * 5_000}, "no more than 4096 characters"),
        ({"text": "hello", "person": ""}, "may not be blank"),
    ],
)
def test_refusals_are_said_and_nothing_happens(browser, sandbox, fields, said):
    answer = say(browser, sandbox, **fields)
    assert answer.status_code == 200
    assert "HX-Trigger" not in answer.headers
    assert said in answer.text
    assert not Event.objects.exists()


def test_an_attachment_is_named_and_not_fetched(browser, sandbox):
    say(browser, sandbox, attachment_url="https://files.example/cat.jpg")
    for _ in range(2):
        answer = see(browser, sandbox)
        assert '<span class="link">https://files.example/cat.jpg</span>' in answer.text
        assert "<img" not in answer.text
        apply_all()


def test_words_of_people_are_no_markup(browser, sandbox):
    say(browser, sandbox, person=XSS, text=XSS)
    for _ in range(2):
        for answer in (
            see(browser, sandbox, person=XSS),
            browser.get(page(sandbox), {"person": XSS}),
            browser.get(page(sandbox)),
        ):
            assert XSS not in answer.text
        apply_all()
    assert "&lt;script&gt;" in browser.get(page(sandbox)).text


def test_people_who_wrote_are_offered(browser, sandbox, workspace):
    other = connect_channel(workspace, "sandbox", "Other", {})
    say(browser, sandbox, person="jane", text="hello")
    say(browser, other, person="joe", text="hello")
    apply_all()
    shown = browser.get(page(sandbox)).text
    assert "?person=jane" in shown
    assert "joe" not in shown
    assert "Give a name" in shown
    assert texts(see(browser, other, person="jane")) == []


def test_only_the_latest_lines_and_few_queries(
    browser, sandbox, workspace, django_assert_max_num_queries
):
    say(browser, sandbox, text="hello")
    apply_all()
    contact = Contact.objects.get()
    drafts = [Draft(contact.pk, sandbox.pk, MessageType.TEXT, f"t{n}") for n in range(60)]
    queue_messages(workspace.pk, drafts)
    with django_assert_max_num_queries(8):
        shown = texts(see(browser, sandbox))
    assert shown == [f"t{n}" for n in range(10, 60)]


def test_for_sandboxes_of_ones_own_workspaces(browser, operator, workspace, stranger):
    theirs = connect_channel(stranger, "sandbox", "Theirs", {})
    real = Channel.objects.create(workspace=workspace, kind="instagram", name="Shop")
    for channel in (theirs, real):
        assert browser.get(page(channel)).status_code == 404
        assert see(browser, channel).status_code == 404
        assert say(browser, channel, text="hello").status_code == 404
    assert page(real) not in browser.get(address(Channel, "change", real.pk)).text
    assert Client().get(page(theirs)).headers["Location"].startswith("/admin/login/")
    mine = connect_channel(workspace, "sandbox", "Mine", {})
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    assert say(strict, mine, text="hello").status_code == 403
    assert not Event.objects.exists()
