"""A contact's page: how they can be reached, and the conversation."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from messaging.connecting import connect_channel
from messaging.conversation import PAGE
from messaging.models import Channel, Contact, Identity, Message
from tests.admin.story import HOSTILE, execution, instagram, person, sent, written
from tests.admin.test_scoping import address
from tests.media_library.conftest import upload
from tests.media_library.files import picture


@pytest.fixture
def channel(workspace):
    return instagram(workspace)


@pytest.fixture
def jane(channel):
    return person(channel, wrote=timedelta(hours=1))


def page_of(browser, contact, **query):
    return browser.get(address(Contact, "change", contact.pk), query)


def texts(page):
    return re.findall(r'class="bubble-text" dir="auto">(.*?)</p>', page, re.DOTALL)


def marks(page):
    return re.findall(r'name="shown" value="([^"]+)"', page)


def test_both_directions_in_order(browser, channel, jane):
    written(channel, jane, "Do you have tulips?")
    sent(channel, jane, "Yes!", status="read", delivered_at=timezone.now(), read_at=timezone.now())
    written(channel, jane, "السلام عليكم 🌷")
    page = page_of(browser, jane).text
    assert texts(page) == ["Do you have tulips?", "Yes!", "السلام عليكم 🌷"]
    assert page.count('class="bubble bubble-in"') == 2
    assert page.count('class="bubble bubble-out"') == 1
    for moment in ("Queued", "Sent", "Delivered", "Read"):
        assert f"<dt>{moment}</dt>" in page


def test_why_a_message_failed_and_what_to_do(browser, channel, jane):
    sent(
        channel, jane, status="failed", attempts=2, provider_code="10/2534022",
        error_code="outside_window", error_message="More than 24 hours have passed.",
        provider_message_id="mid.77",
    )  # fmt: skip
    page = page_of(browser, jane).text
    assert "<strong>The person has not written within 24 hours.</strong>" in page
    assert "More than 24 hours have passed." in page
    assert "Wait until they write; from then on they can be answered." in page
    assert "10/2534022" in page
    assert "mid.77" in page
    assert "<dt>Attempts</dt><dd>2</dd>" in page


def test_a_try_that_is_repeated_says_so(browser, channel, jane):
    sent(channel, jane, status="queued", error_code="rate_limited", error_message="Too many calls.")
    page = page_of(browser, jane).text
    assert "It is tried again by itself." in page
    assert "Lower the pacing of the channel" not in page


def test_what_made_a_message_and_what_ran(browser, channel, jane):
    run = execution(channel, jane, title="Welcome & <b>more</b>")
    sent(channel, jane, "Hi", story=run.story, position=200)
    sent(channel, jane, "From elsewhere", story=uuid4(), position=0)
    page = page_of(browser, jane).text
    link = reverse("admin:automations_execution_change", args=[run.pk])
    assert page.count(f'href="{link}"') == 2
    assert "Welcome &amp; &lt;b&gt;more&lt;/b&gt;" in page
    assert page.count('class="origin"') == 1


def test_files_buttons_and_attachments(browser, api, channel, jane):
    file = upload(api, picture(), "tulips.jpg").json()
    sent(channel, jane, "", message_type="image", media_file_id=file["id"])
    buttons = [
        {"type": "reply", "title": "Order", "payload": "o"},
        {"type": "url", "title": "Shop", "url": "https://shop.example/?a=1&b=2"},
        {"type": "url", "title": "Bad", "url": "javascript:alert(1)"},
    ]
    sent(channel, jane, "Choose", buttons=buttons)
    files = [
        {"message_type": "image", "url": "https://cdn.example/1"},
        {"message_type": "video", "url": "javascript:alert(2)"},
    ]
    written(channel, jane, "", message_type="image",
            content={"attachments": files, "reply_payload": "tap_1"})  # fmt: skip
    written(channel, jane, "", message_type="other")
    page = page_of(browser, jane).text
    assert re.search(r'<img src="/media/[^"]+" alt="tulips.jpg"', page)
    assert "javascript:" not in page
    assert 'href="https://shop.example/?a=1&amp;b=2" target="_blank" rel="noreferrer' in page
    assert 'href="https://cdn.example/1" target="_blank" rel="noreferrer noopener"' in page
    assert "its address cannot be opened" in page
    assert "Tapped: tap_1" in page
    assert page.count("cannot be shown here") == 1


@pytest.mark.parametrize("content", [None, [], "x", {"attachments": "x"}, {"attachments": [1]}])
def test_content_of_any_shape_is_shown_somehow(browser, channel, jane, content):
    row = written(channel, jane, "", message_type="other")
    Message.objects.filter(pk=row.pk).update(content=content or {}, buttons=[1, {"title": None}])
    assert page_of(browser, jane).status_code == 200


def test_a_file_that_is_gone(browser, channel, jane):
    sent(channel, jane, "", message_type="video")
    sent(channel, jane, "", message_type="share")
    page = page_of(browser, jane).text
    assert "The file is no longer in the library." in page
    assert "A shared post" in page


def test_windows(browser, workspace, channel):
    sandbox = connect_channel(workspace, "sandbox", "Try", {})
    broken = instagram(workspace, "2", "Outlet")
    Channel.objects.filter(pk=broken.pk).update(status="error")
    contact = person(channel, wrote=timedelta(hours=1))
    for other in (sandbox, broken, instagram(workspace, "3", "Old")):
        Identity.objects.create(
            workspace=workspace, channel=other, contact=contact, external_id="j",
            last_inbound_at=timezone.now() - timedelta(days=2),
        )  # fmt: skip
    page = page_of(browser, contact).text
    found = re.findall(r"</span> ((?:open until|always|closed|channel)[^<]*)</span>", page)
    assert [each.split(" ")[0] for each in found] == ["open", "always", "channel", "closed"]


def test_blocked_contact_is_obvious(browser, jane):
    assert "<strong>Blocked.</strong>" not in page_of(browser, jane).text
    Contact.objects.update(status="blocked")
    assert "<strong>Blocked.</strong>" in page_of(browser, jane).text


def test_details_can_be_edited(browser, jane):
    answer = browser.post(
        address(Contact, "change", jane.pk),
        {"name": "Jane Doe", "username": "jd", "status": "blocked", "email": "", "phone": ""},
    )
    assert answer.status_code == 302
    jane.refresh_from_db()
    assert (jane.name, jane.username, jane.status) == ("Jane Doe", "jd", "blocked")
    faulty = browser.post(address(Contact, "change", jane.pk), {"status": "x", "name": "No"})
    assert faulty.status_code == 200
    assert "Conversation" in faulty.text
    jane.refresh_from_db()
    assert jane.name == "Jane Doe"


def test_adding_a_contact_still_works(browser, workspace):
    assert browser.get(address(Contact, "add")).status_code == 200
    data = {"workspace": workspace.pk, "name": "New", "status": "active"}
    assert browser.post(address(Contact, "add"), data).status_code == 302
    assert Contact.objects.get().name == "New"


def test_hostile_text_is_text(browser, workspace, channel):
    contact = person(channel, HOSTILE)
    Contact.objects.update(username=HOSTILE[:100], notes=HOSTILE, bio=HOSTILE)
    Channel.objects.update(name=HOSTILE[:100])
    execution(channel, contact, title=HOSTILE)
    written(
        channel, contact, HOSTILE,
        content={"attachments": [{"message_type": HOSTILE, "url": 'https://x.example/"><script>'}],
                 "reply_payload": HOSTILE},
    )  # fmt: skip
    sent(
        channel, contact, HOSTILE, status="failed", error_code="odd", error_message=HOSTILE,
        provider_code=HOSTILE[:50], provider_message_id=HOSTILE,
        buttons=[{"type": "reply", "title": HOSTILE, "payload": HOSTILE}],
    )  # fmt: skip
    for page in (
        page_of(browser, contact),
        browser.get(reverse("admin:messaging_contact_older", args=[contact.pk])),
        browser.get(reverse("admin:messaging_contact_news", args=[contact.pk])),
        browser.get(address(Contact, "changelist")),
        browser.get(address(Message, "changelist")),
    ):
        assert page.status_code == 200
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
        assert '"><script>' not in page.text
        assert "&lt;img src=x" in page.text


def test_older_messages_page_by_page(browser, channel, jane):
    for number in range(2 * PAGE + 5):
        written(channel, jane, f"No. {number}")
    expected = [f"No. {number}" for number in range(2 * PAGE + 5)]
    page = page_of(browser, jane).text
    assert texts(page) == expected[-PAGE:]
    # With htmx the part comes, without it the link leads to a page.
    [part] = re.findall(r'hx-get="([^"]+older/[^"]+)"', page)
    [link] = re.findall(r'<a href="([^"]+)" hx-get="[^"]+older/', page)
    older = browser.get(part).text
    assert texts(older) == expected[5 : 5 + PAGE]
    assert "<html" not in older
    whole = browser.get(link).text
    assert texts(whole) == expected[5 : 5 + PAGE]
    assert "Back to the newest messages" in whole
    [part] = re.findall(r'hx-get="([^"]+older/[^"]+)"', older)
    last = browser.get(part).text
    assert texts(last) == expected[:5]
    assert "The conversation begins here." in last
    assert "older/" not in last


@pytest.mark.parametrize("before", ["", "x", "-1", "1e9", "٣", "9" * 40, "0", "\0"])
def test_any_before_will_do(browser, channel, jane, before):
    written(channel, jane, "Hello")
    assert page_of(browser, jane, before=before).status_code == 200
    older = reverse("admin:messaging_contact_older", args=[jane.pk])
    assert browser.get(older, {"before": before}).status_code == 200


def test_news(browser, channel, jane):
    written(channel, jane, "First")
    mine = sent(channel, jane, "Mine")
    news = reverse("admin:messaging_contact_news", args=[jane.pk])
    shown = marks(page_of(browser, jane).text)
    assert len(shown) == 2
    nothing = browser.get(news, {"shown": shown})
    assert (nothing.status_code, nothing.content) == (204, b"")
    written(channel, jane, "Second")
    Message.objects.filter(pk=mine.pk).update(status="read", read_at=timezone.now())
    part = browser.get(news, {"shown": shown}).text
    added, changed = part.split("</ol>")[0], part.split("</ol>")[-1]
    assert 'hx-swap-oob="beforeend:#conversation"' in added
    assert "Second" in added
    assert f'id="message-{mine.pk}"' in changed
    assert 'hx-swap-oob="true"' in changed
    assert "First" not in part
    shown = [mark for mark in shown if not mark.startswith(f"{mine.pk}.")] + marks(part)
    assert browser.get(news, {"shown": shown}).status_code == 204


def test_news_that_commit_out_of_order_are_not_missed(browser, channel, jane):
    written(channel, jane, "First")
    late = written(channel, jane, "Committed late")
    written(channel, jane, "Last")
    shown = [m for m in marks(page_of(browser, jane).text) if not m.startswith(f"{late.pk}.")]
    part = browser.get(reverse("admin:messaging_contact_news", args=[jane.pk]), {"shown": shown})
    assert texts(part.text) == ["Committed late"]


@pytest.mark.parametrize("shown", [["x"], ["1"], ["9" * 30 + ".0"], [".", ""], ["-1.0"] * 300])
def test_news_take_any_marks(browser, channel, jane, shown):
    written(channel, jane, "Hello")
    news = reverse("admin:messaging_contact_news", args=[jane.pk])
    assert browser.get(news, {"shown": shown}).status_code in {200, 204}


def test_too_much_news_comes_as_a_whole(browser, channel, jane):
    shown = marks(page_of(browser, jane).text)
    assert shown == []
    for number in range(PAGE + 3):
        written(channel, jane, f"No. {number}")
    part = browser.get(reverse("admin:messaging_contact_news", args=[jane.pk])).text
    assert '<ol id="conversation"' in part
    assert len(texts(part)) == PAGE
    assert "Older messages" in part


@pytest.mark.parametrize("part", ["older", "news"])
def test_parts_are_scoped(browser, stranger, part):
    theirs = instagram(stranger)
    contact = person(theirs)
    written(theirs, contact, "Secret of theirs")
    target = reverse(f"admin:messaging_contact_{part}", args=[contact.pk])
    assert browser.get(target).status_code == 404
    assert "Secret of theirs" not in page_of(browser, contact).text
    answer = Client().get(target)
    assert answer["Location"].startswith("/admin/login/")
    assert Client().get(target, headers={"HX-Request": "true"}).status_code == 401


def test_queries_do_not_grow(browser, channel, jane, django_assert_max_num_queries):
    run = execution(channel, jane)
    for number in range(200):
        written(channel, jane, f"No. {number}")
        sent(channel, jane, story=run.story, position=number)
    with django_assert_max_num_queries(18):
        page = page_of(browser, jane)
    assert len(texts(page.text)) == PAGE
    news = reverse("admin:messaging_contact_news", args=[jane.pk])
    with django_assert_max_num_queries(8):
        browser.get(news, {"shown": marks(page.text)})
