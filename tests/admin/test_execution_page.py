"""An execution's page: its path, told step by step."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from automations.engine.runner import Start, start_many
from automations.models import Execution, Step
from automations.paths import STEPS_SHOWN
from inro.accounts.models import AuditEntry
from messaging.connecting import connect_channel
from messaging.models import Message
from tests.admin.story import HOSTILE, execution, instagram, person, sent
from tests.admin.test_scoping import address
from tests.automations.conftest import new_contact
from tests.automations.support import message, stored


@pytest.fixture
def channel(workspace):
    return instagram(workspace)


@pytest.fixture
def run(channel):
    return execution(channel, person(channel), status="running")


def page_of(browser, run):
    return browser.get(address(Execution, "change", run.pk))


def part_of(run):
    return reverse("admin:automations_execution_path", args=[run.pk])


def test_path_with_what_was_said(browser, channel, run):
    Step.objects.create(
        execution=run, number=2, action_key="bye", status="done",
        action={"action_key": "bye", "action_type": "message", "content": "As it was then"},
    )  # fmt: skip
    sent(channel, run.contact, "Hi Jane", status="read", story=run.story, position=200)
    sent(channel, run.contact, "and more", story=run.story, position=203)
    page = page_of(browser, run).text
    first, second = page.split('<strong dir="auto">bye</strong>')
    assert "Hi Jane" in first
    assert "and more" in first
    assert "As it was then" in second
    assert "Send a message" in first
    assert "took the branch <code>next</code>" in first
    assert "A contact sends a message" in page
    for model, pk in (
        ("messaging_contact", run.contact_id),
        ("messaging_channel", channel.pk),
        ("automations_scenario", run.definition.scenario.pk),
    ):
        assert f'href="{reverse(f"admin:{model}_change", args=[pk])}"' in page


def test_path_of_what_the_engine_did(browser, workspace):
    """Through the runner itself: positions of messages lead to their steps."""
    sandbox = connect_channel(workspace, "sandbox", "Try", {})
    scenario = stored(workspace, message("one", content="First"), message("two", "one", "Second"))
    contact = new_contact(sandbox, "jane")
    [run] = start_many(
        workspace.pk, [Start(scenario.definition_id, contact.pk, sandbox.pk, "message")]
    )
    page = page_of(browser, run).text
    one, two = page.index(">one</strong>"), page.index(">two</strong>")
    assert one < page.index("First") < two < page.index("Second")
    assert Message.objects.count() == 2


def test_why_it_ended(browser, run):
    Execution.objects.update(status="failed", reason_code="step_limit", finished_at=timezone.now())
    Step.objects.update(status="failed", error="What went wrong")
    page = page_of(browser, run).text
    assert "<strong>It took 1,000 steps without an end.</strong>" in page
    assert "Look for a circle in the scenario." in page
    assert "What went wrong" in page


def test_what_it_waits_for(browser, run):
    until = timezone.now().replace(microsecond=0) + timedelta(hours=3)
    Execution.objects.update(status="waiting", current_key="question", due_at=until)
    page = page_of(browser, run).text
    assert "It waits at <strong" in page
    assert "question</strong>" in page
    assert f'<time datetime="{until.isoformat()}">' in page


def test_it_asks_on_for_as_long_as_something_may_happen(browser, channel, run):
    assert "hx-get" in page_of(browser, run).text
    Execution.objects.update(status="completed")
    row = sent(channel, run.contact, status="queued", story=run.story, position=200)
    assert "hx-get" in browser.get(part_of(run)).text
    Message.objects.filter(pk=row.pk).update(status="sent")
    last = browser.get(part_of(run))
    assert last.status_code == 200
    assert "hx-get" not in last.text
    assert "hx-get" not in page_of(browser, run).text


def test_what_was_answered(browser, run):
    Step.objects.update(answer=HOSTILE)
    page = browser.get(part_of(run)).text
    assert "Answered: <span" in page
    assert "<img src=x" not in page
    Step.objects.update(answer="")
    assert "Answered" not in browser.get(part_of(run)).text


def everything():
    models = (Execution, Step, Message, AuditEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]


class TestCancel:
    def url(self, run):
        return reverse("admin:automations_execution_cancel", args=[run.pk])

    @pytest.mark.parametrize("status", ["running", "waiting"])
    def test_it_stops_and_withdraws(self, browser, channel, run, status):
        Execution.objects.update(status=status)
        waits = sent(channel, run.contact, status="queued", story=run.story, position=200)
        page = page_of(browser, run).text
        assert f'<form method="post" action="{self.url(run)}" data-confirm="' in page
        assert "csrfmiddlewaretoken" in page.split(self.url(run))[1][:300]
        assert self.url(run) not in browser.get(part_of(run)).text
        answer = browser.post(self.url(run), follow=True)
        assert "The execution is canceled." in answer.text
        assert self.url(run) not in answer.text
        run.refresh_from_db()
        waits.refresh_from_db()
        assert (run.status, run.reason_code) == ("stopped", "canceled")
        assert waits.status == "canceled"
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.target) == (
            "olga",
            "execution canceled",
            str(run),
        )

    def test_one_that_has_ended_stays_as_it_ended(self, browser, run):
        Execution.objects.update(status="completed", finished_at=timezone.now())
        assert self.url(run) not in page_of(browser, run).text
        before = everything()
        answer = browser.post(self.url(run), follow=True)
        assert "This execution has ended already: completed." in answer.text
        assert everything() == before

    def test_by_its_form_and_by_its_operators_only(self, operator, browser, run, stranger):
        theirs = instagram(stranger)
        other = execution(theirs, person(theirs), status="running")
        careful = Client(enforce_csrf_checks=True)
        careful.force_login(operator)
        before = everything()
        assert browser.get(self.url(run)).status_code == 405
        assert browser.post(self.url(other)).status_code == 404
        assert Client().post(self.url(run))["Location"].startswith("/admin/login/")
        assert careful.post(self.url(run)).status_code == 403
        assert everything() == before


def test_unchanged_path_is_not_sent_again(browser, run):
    page = page_of(browser, run).text
    digest = page.split(f"{part_of(run)}?shown=")[1][:16]
    assert browser.get(part_of(run), {"shown": digest}).status_code == 204
    Step.objects.update(status="failed")
    assert browser.get(part_of(run), {"shown": digest}).status_code == 200


def test_scoped(browser, stranger):
    theirs = instagram(stranger)
    run = execution(theirs, person(theirs, "Their Jane"), title="Their flow")
    assert browser.get(part_of(run)).status_code == 404
    answer = page_of(browser, run)
    assert answer.status_code == 302
    assert "Their" not in browser.get(address(Execution, "changelist")).text
    assert Client().get(part_of(run))["Location"].startswith("/admin/login/")


def test_hostile_text_is_text(browser, channel):
    run = execution(channel, person(channel, HOSTILE), title=HOSTILE, trigger_type=HOSTILE[:40])
    Execution.objects.update(status="waiting", current_key=HOSTILE[:100], reason_code=HOSTILE[:60])
    Step.objects.update(
        action_key=HOSTILE[:100], branch=HOSTILE[:40], error=HOSTILE, status=HOSTILE[:10],
        action={"action_type": HOSTILE, "content": HOSTILE},
    )  # fmt: skip
    for page in (page_of(browser, run), browser.get(part_of(run))):
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
        assert "&lt;img src=x" in page.text


@pytest.mark.parametrize("snapshot", [None, [], "x", {"action_type": None}])
def test_snapshots_of_any_shape(browser, run, snapshot):
    Step.objects.update(action=snapshot or {})
    assert page_of(browser, run).status_code == 200


def test_long_paths_show_their_end(browser, channel, run, django_assert_max_num_queries):
    Step.objects.bulk_create(
        Step(execution=run, number=number, action_key=f"s{number}", action={}, status="done")
        for number in range(2, STEPS_SHOWN + 12)
    )
    for number in range(1, 40):
        sent(channel, run.contact, story=run.story, position=200 * number)
    with django_assert_max_num_queries(18):
        page = page_of(browser, run).text
    assert page.count('<li class="stop ') == STEPS_SHOWN
    assert "11 earlier steps are not shown." in page
