"""Lists: what they say, how they are searched, and that nothing in an address breaks them."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from automations.models import Execution, Scenario
from inro.accounts import workspace_admin
from inro.accounts.models import ApiToken, AuditEntry, Membership
from messaging.models import Channel, Contact, Event, Message
from tests.admin.story import execution, instagram, person, sent, written
from tests.admin.test_scoping import address

OUR_LISTS = [Channel, Contact, Message, Event, Execution, Scenario, ApiToken]


def listed(browser, model, **query):
    page = browser.get(address(model, "changelist"), query)
    assert page.status_code == 200
    return page


def found(page):
    return [str(row.pk) for row in page.context["cl"].result_list]


def test_messages_say_what_became_of_them(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    written(channel, jane, "Hello")
    sent(channel, jane, status="failed", error_code="outside_window")
    page = listed(browser, Message).text
    assert (
        '<span class="badge badge-good"><span aria-hidden="true">✓</span> Received</span>' in page
    )
    assert '<span class="badge badge-bad"><span aria-hidden="true">✕</span> Failed</span>' in page
    assert "The person has not written within 24 hours" in page
    assert f'href="{address(Contact, "change", jane.pk)}"' in page
    assert "2 messages" in page


@pytest.mark.parametrize("model", OUR_LISTS)
def test_empty_lists_say_what_will_stand_there(browser, model):
    page = listed(browser, model).text
    said = getattr(admin.site._registry[model], "nothing_yet")  # noqa: B009
    assert said
    assert said in page
    assert "Nothing matches." in listed(browser, model, q="zzz").text


@pytest.mark.parametrize("model", OUR_LISTS)
def test_all_is_offered_only_where_something_was_asked_for(browser, model):
    assert "Show all" not in listed(browser, model).text
    assert "Show all" not in listed(browser, model, p="0").text
    assert "0 results" in listed(browser, model, q="zzz").text


def test_messages_are_found_by_what_people_know(browser, workspace, stranger):
    channel = instagram(workspace)
    jane, other = person(channel, "Jané Doe"), person(channel, "Bob")
    Contact.objects.filter(pk=other.pk).update(username="bob", username_folded="bob")
    mine = sent(channel, jane, "Tulips for you", provider_message_id="mid.1")
    his = written(channel, other, "roses")
    theirs = instagram(stranger)
    written(theirs, person(theirs, "Jane Doe"), "Tulips for them")
    for query in ("jane", "JANÉ", "tulips", "mid.1", str(mine.pk)):
        assert found(listed(browser, Message, q=query)) == [str(mine.pk)], query
    assert found(listed(browser, Message, q="bob")) == [str(his.pk)]
    assert found(listed(browser, Message, q="id.1")) == []


def test_other_lists_are_found_by_what_people_know(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel, "Jané")
    run = execution(channel, jane, title="Welcome")
    person(channel, "Bob")
    Contact.objects.filter(name="Bob").update(username_folded="bob")
    assert found(listed(browser, Contact, q="jane")) == [str(jane.pk)]
    for query in ("jane", "welc", str(run.pk)):
        assert found(listed(browser, Execution, q=query)) == [str(run.pk)], query
    assert found(listed(browser, Execution, q="nobody")) == []


def test_reasons_are_offered_where_messages_failed(browser, workspace):
    channel = instagram(workspace)
    jane = person(channel)
    row = sent(channel, jane, status="failed", error_code="outside_window")
    sent(channel, jane, status="failed", error_code="thread_gone")
    assert "By reason" not in listed(browser, Message).text
    failed = listed(browser, Message, status__exact="failed")
    assert "By reason" in failed.text
    assert len(found(failed)) == 2
    assert found(listed(browser, Message, reason="outside_window")) == [str(row.pk)]
    assert found(listed(browser, Message, reason="<b>")) == []


def test_counting_stops(browser, workspace, monkeypatch):
    monkeypatch.setattr(workspace_admin, "COUNTED_AT_MOST", 3)
    channel = instagram(workspace)
    jane = person(channel)
    for _ in range(3):
        written(channel, jane)
    assert re.search(r"\b3 messages", listed(browser, Message).text)
    written(channel, jane)
    assert re.search(r"\b3\+ messages", listed(browser, Message).text)


ABSURD = [
    "created_at__gte=garbage",
    "created_at__gte=0001-01-01+00:00:00%2B14:00",
    "created_at__gte=9999-12-31+23:59:59-14:00",
    "created_at__gte=99999-01-01",
    "created_at__year=0",
    "created_at__year=99999999999999999999",
    "created_at__year=9999",
    "created_at__year=9999&created_at__month=12&created_at__day=31",
    "created_at__year=1",
    "created_at__year=2026&created_at__month=99",
    "created_at__lt=2026-02-30",
    "created_at__isnull=maybe",
    "created_at__in=x,y",
    "created_at__range=1,2,3",
    "created_at=%00",
    "id=99999999999999999999999",
    "id__in=" + "9" * 30,
    "id__exact=%00",
    "id__gt=1e400",
    "pk=x",
    "q=%00",
    "q=%ED%A0%80",
    "q=" + "(" * 300,
    "p=0&o=99.-99",
    "p=999999999999999999999",
    "p=-1",
    "o=x.y.z",
    "all=",
    "status__exact=%00",
    "status__exact=nonsense",
    "status__in=%00",
    "workspace__id__exact=x",
    "workspace=99999999999999999999",
    "unknown=1",
    "e=1",
    "_facets=True",
]


@pytest.mark.parametrize("model", [*OUR_LISTS, AuditEntry], ids=lambda model: model.__name__)
def test_no_filter_breaks_a_list(browser, chief, operator, stranger, model):
    Membership.objects.create(user=operator, workspace=stranger)
    for query in ABSURD:
        for client in (browser, chief):
            answer = client.get(f"{address(model, 'changelist')}?{query}", follow=True)
            assert answer.status_code in {200, 400}, (query, answer.status_code)


@pytest.mark.parametrize("pk", ["0", "x", "9" * 30, "-1", "1_0", "%00", "_FF"])
@pytest.mark.parametrize("model", OUR_LISTS, ids=lambda model: model.__name__)
def test_no_address_of_a_row_breaks_its_page(browser, model, pk):
    base = address(model, "changelist")
    for page in ("change", "history", "pause", "news", "older", "path"):
        assert browser.get(f"{base}{pk}/{page}/").status_code in {301, 302, 404, 405}


def test_long_list_costs_no_more(browser, workspace, django_assert_max_num_queries):
    channel = instagram(workspace)
    for number in range(60):
        jane = person(channel, f"Person {number}")
        sent(channel, jane, status="failed", error_code="outside_window")
        execution(channel, jane, title=str(number))
    for model in OUR_LISTS:
        with django_assert_max_num_queries(9):
            listed(browser, model)


def test_workspaces_are_filtered_without_reading_the_list(browser, operator, workspace, stranger):
    Membership.objects.create(user=operator, workspace=stranger)
    mine, theirs = instagram(workspace), instagram(stranger)
    written(mine, person(mine))
    row = written(theirs, person(theirs))
    with CaptureQueriesContext(connection) as captured:
        page = listed(browser, Message, workspace__id__exact=stranger.pk)
    assert found(page) == [str(row.pk)]
    assert "Acme" in page.text
    assert not [each for each in captured if "DISTINCT" in each["sql"] and "message" in each["sql"]]


def test_times_are_written_in_one_way(browser, workspace):
    """In the columns that Django writes as in those of our own."""
    at = datetime(2026, 3, 9, 7, 5, tzinfo=UTC)
    entry = AuditEntry.objects.create(workspace=workspace, actor="olga", action="token issued")
    AuditEntry.objects.filter(pk=entry.pk).update(created_at=at)
    message = written(instagram(workspace), person(Channel.objects.get()), "Hello")
    Message.objects.filter(pk=message.pk).update(created_at=at)
    for model in (AuditEntry, Message):
        assert "9 Mar 2026, 07:05" in listed(browser, model).text
