from django.urls import reverse
from playwright.sync_api import expect

from messaging import receiving
from messaging.buttons import Button
from messaging.models import Channel, Contact, Event, Message, MessageType
from messaging.queueing import Draft, queue_messages
from tests.admin.test_scoping import address
from tests.browser.house import deliver
from tests.browser.watching import NARROW, faults_of


def work(channel):
    """What the workers would do."""
    waiting = Event.objects.filter(status="recorded").values_list("pk", flat=True)
    receiving.apply_events(list(waiting))
    deliver(channel)


def test_writing_as_somebody_new(browsing, operator, house):
    page = browsing(operator, NARROW)
    page.goto(address(Channel, "change", house.pk))
    page.get_by_role("link", name="Simulator").click()
    page.get_by_label("Name").fill("zoe & <co>")
    page.get_by_role("button", name="Be this person").click()
    expect(page.get_by_text("Nobody has written yet.")).to_be_visible()
    assert faults_of(page) == []
    field = page.get_by_label("Message of zoe & <co>")
    field.fill("hello")
    field.press("Enter")
    expect(page.locator(".theirs .text")).to_have_text("hello")
    expect(page.locator(".theirs")).to_contain_text("arriving")
    expect(field).to_have_value("")
    work(house)
    expect(page.locator(".ours .text")).to_have_count(3)
    expect(page.locator(".ours").first).to_contain_text("thanks for writing!")
    expect(page.locator(".ours img")).to_be_visible()
    assert Contact.objects.filter(username="zoe & <co>").count() == 1
    assert faults_of(page) == []


def test_tapping_a_button(browsing, operator, house):
    contact = Contact.objects.get()
    buttons = (Button.reply("Yes", "answer:1"), Button.reply("No", "answer:2"))
    draft = Draft(contact.pk, house.pk, MessageType.TEXT, "Interested?", buttons=buttons)
    queue_messages(house.workspace_id, [draft])
    deliver(house)
    page = browsing(operator)
    page.goto(reverse("admin:messaging_channel_simulator", args=[house.pk]) + "?person=jane")
    draft_of_mine = page.get_by_label("Message of jane")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.locator(".theirs .text").last).to_have_text("No")
    expect(draft_of_mine).to_have_value("")
    work(house)
    assert Message.objects.filter(direction="inbound").latest("pk").text == "No"


def test_what_cannot_be_sent_stays_in_its_field(browsing, operator, house):
    page = browsing(operator)
    page.goto(reverse("admin:messaging_channel_simulator", args=[house.pk]) + "?person=jane")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".faults")).to_contain_text("Give text")
    assert Event.objects.filter(status="recorded").count() == 0
    assert faults_of(page) == []
