"""The page of a scenario: what it does, what it did, its switch."""

import html
import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from automations.metrics import MOST_COUNTED
from automations.models import Definition, Execution, Scenario, Step
from automations.scenarios import create_scenario
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact
from tests.admin.test_scoping import address

XSS = "<script>alert(1)</script>"
WELCOME = {
    "title": "Welcome",
    "triggers": [
        {"trigger_type": "contact_create"},
        {"trigger_type": "message", "options": {"keywords": ["hello"], "cooldown": 3600}},
    ],
    "actions": [
        {"action_key": "first", "action_type": "message", "content": "Hey <b>you</b>"},
        {"action_key": "second", "action_type": "message", "content": "Bye", "parent_key": "first"},
    ],
}


@pytest.fixture
def scenario(workspace) -> Scenario:
    return create_scenario(workspace, WELCOME)


def page_of(browser, scenario):
    return browser.get(address(Scenario, "change", scenario.pk)).text


def verb(name, scenario):
    return reverse(f"admin:automations_scenario_{name}", args=[scenario.pk])


def ran(scenario, *keys, username="jane", **fields):
    """An execution that took these steps."""
    workspace = scenario.workspace
    known = Channel.objects.filter(workspace=workspace).first()
    channel = known or connect_channel(workspace, "sandbox", "Playground", {})
    contact = Contact.objects.create(workspace=workspace, username=username)
    execution = Execution.objects.create(
        workspace=workspace, definition=scenario.definition, contact=contact, channel=channel,
        trigger_type="message", status="completed", **fields,
    )  # fmt: skip
    Step.objects.bulk_create(
        Step(execution=execution, number=number, action_key=key, action={}, status="done")
        for number, key in enumerate(keys, 1)
    )
    return execution


def test_page_shows_the_tree_twice(browser, scenario):
    page = page_of(browser, scenario)
    assert re.findall(r'class="tree-node sends" data-key="(\w+)"', page) == ["first", "second"]
    assert re.findall(r'<li id="action-[0-9]+">', page) == [
        f'<li id="action-{action.pk}">' for action in scenario.definition.actions.all()
    ]
    assert '<p class="said">Hey &lt;b&gt;you&lt;/b&gt;</p>' in page
    assert "<b>you" not in page
    assert page.count("<ul") == page.count("</ul>")
    lists = page[page.index('class="outline"') : page.index('id="rename-heading"')]
    assert lists.count("<li ") == lists.count("</li>") == 2


def test_triggers_are_in_words(browser, scenario):
    page = page_of(browser, scenario)
    assert "<strong>New contact</strong>" in page
    assert "<strong>A contact sends a message</strong>" in page
    assert "keywords:</span> hello" in page
    assert "cooldown:</span> 1 hour" in page


def test_the_json_is_that_of_get(browser, api, scenario):
    ran(scenario, "first")
    found = re.search(r'id="scenario-json">(.*?)</pre>', page_of(browser, scenario), re.S)
    assert found
    assert json.loads(html.unescape(found[1])) == api.get(f"/api/v1/scenarios/{scenario.pk}").json()


def test_warnings_stand_at_the_action_and_above(browser, workspace):
    actions = [{"action_key": "a", "action_type": "message", "content": "Hi {{contact.shoesize}}"}]
    page = page_of(browser, create_scenario(workspace, {"actions": actions}))
    assert page.count("{{contact.shoesize}} is no variable") == 4  # card, tooltip, list, JSON
    assert "<code>actions.0.content</code>" in page
    assert "tree-warning" in page


def test_words_of_people_are_no_markup(browser, workspace):
    scenario = create_scenario(
        workspace,
        {
            "title": XSS,
            "triggers": [{"trigger_type": "message", "options": {"keywords": [XSS]}}],
            "actions": [{"action_key": XSS, "action_type": "message", "content": f"{XSS}\x0b"}],
        },
    )
    ran(scenario, XSS, username=XSS)
    for page in (page_of(browser, scenario), browser.get(verb("live", scenario)).text):
        assert XSS not in page
        assert html.escape(XSS) in page


def test_runs_are_counted_once_for_each_execution(browser, scenario):
    ran(scenario, "first", "second", "second")
    ran(scenario, "first", username="joe")
    other = create_scenario(scenario.workspace, WELCOME)
    ran(other, "first", username="jim")
    page = page_of(browser, scenario)
    layer = re.search(r'id="tree-runs".*?</svg>', page, re.S)
    assert layer
    assert re.findall(r">([0-9,]+ runs?)<", layer[0]) == ["2 runs", "1 run"]
    assert "<strong>2</strong> in all, <strong>2</strong> in the last 7 days" in page
    assert [link for link in ("jane", "joe", "jim") if f">{link}</a>" in page] == ["jane", "joe"]


def test_only_the_latest_executions_are_counted(browser, scenario, monkeypatch):
    assert MOST_COUNTED == 1_000
    monkeypatch.setattr("automations.metrics.MOST_COUNTED", 2)
    for name in ("a", "b", "c"):
        ran(scenario, "first", username=name)
    assert ">2 runs<" in page_of(browser, scenario)


def test_live_part(browser, scenario):
    version = re.search(r"live/\?version=([^\"&]+)", page_of(browser, scenario))
    assert version
    ran(scenario, "first")
    live = browser.get(f"{verb('live', scenario)}?version={version[1]}").text
    assert 'id="tree-runs" class="tree-runs" hx-swap-oob="true"' in live
    assert ">1 run<" in live
    assert "<strong>1</strong> in all" in live
    assert "changed meanwhile" not in live
    browser.post(verb("switch", scenario), {"active": "true"})
    assert "changed meanwhile" in browser.get(f"{verb('live', scenario)}?version={version[1]}").text


def test_queries_do_not_grow_with_the_tree(browser, workspace, django_assert_max_num_queries):
    actions = [
        {
            "action_key": f"a{index}", "action_type": "message", "content": "Hi",
            **({"parent_key": f"a{index - 1}"} if index else {}),
        }
        for index in range(100)
    ]  # fmt: skip
    scenario = create_scenario(workspace, {**WELCOME, "actions": actions})
    for each in range(12):
        ran(scenario, "a0", "a1", username=f"p{each}")
    with django_assert_max_num_queries(22):
        page = page_of(browser, scenario)
    assert page.count('class="tree-node') == 100
    assert page.count("<ul") == page.count("</ul>")
    with django_assert_max_num_queries(11):
        browser.get(verb("live", scenario))


def test_switching_on_and_off(browser, scenario):
    answer = browser.post(verb("switch", scenario), {"active": "true"}, follow=True)
    assert "The scenario is active." in answer.text
    assert '<button class="button" name="active" value="false">Switch off</button>' in answer.text
    scenario.refresh_from_db()
    assert scenario.active is True
    answer = browser.post(verb("switch", scenario), {"active": "false"}, follow=True)
    assert "The scenario is switched off." in answer.text
    scenario.refresh_from_db()
    assert scenario.active is False


def test_an_empty_scenario_cannot_be_switched_on(browser, workspace):
    definition = Definition.objects.create(workspace=workspace)
    empty = Scenario.objects.create(workspace=workspace, definition=definition, title="Empty")
    page = page_of(browser, empty)
    assert "<li>It has no trigger.</li><li>It has no action.</li>" in page
    assert 'value="true" disabled>Switch on</button>' in page
    assert "It has no action yet." in page
    answer = browser.post(verb("switch", empty), {"active": "true"}, follow=True)
    assert "Triggers: An active scenario needs at least one." in answer.text
    assert "Actions: An active scenario needs at least one." in answer.text
    empty.refresh_from_db()
    assert empty.active is False


def test_renaming_leaves_the_switch_alone(browser, scenario):
    Scenario.objects.filter(pk=scenario.pk).update(active=True)
    answer = browser.post(
        address(Scenario, "change", scenario.pk), {"title": "Hello", "_continue": "1"}
    )
    assert answer.headers["Location"] == address(Scenario, "change", scenario.pk)
    scenario.refresh_from_db()
    assert (scenario.title, scenario.title_folded, scenario.active) == ("Hello", "hello", True)


def test_a_title_is_needed(browser, scenario):
    page = browser.post(address(Scenario, "change", scenario.pk), {"title": ""})
    assert (page.status_code, "This field is required." in page.text) == (200, True)
    scenario.refresh_from_db()
    assert scenario.title == "Welcome"


@pytest.mark.parametrize("name", ["switch", "live"])
def test_foreign_scenarios_are_out_of_reach(browser, stranger, name):
    theirs = create_scenario(stranger, WELCOME)
    for method in (browser.post, browser.get):
        assert method(verb(name, theirs), {"active": "true"}).status_code in {404, 405}
    assert browser.get(address(Scenario, "change", theirs.pk)).status_code == 302
    assert Client().post(verb(name, theirs)).headers["Location"].startswith("/admin/login/")
    theirs.refresh_from_db()
    assert theirs.active is False


def test_only_by_post_and_from_this_site(browser, operator, scenario):
    assert browser.get(verb("switch", scenario), {"active": "true"}).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    assert strict.post(verb("switch", scenario), {"active": "true"}).status_code == 403
    scenario.refresh_from_db()
    assert scenario.active is False


def test_the_latest_runs_say_in_words_why_they_ended(browser, scenario):
    contact = Contact.objects.create(workspace=scenario.workspace, name="Jane")
    channel = Channel.objects.create(workspace=scenario.workspace, kind="sandbox", name="Test")
    Execution.objects.create(
        workspace=scenario.workspace, definition=scenario.definition, contact=contact,
        channel=channel, trigger_type="message", status="failed", reason_code="outside_window",
    )  # fmt: skip

    page = page_of(browser, scenario)

    assert "failed: The person has not written within 24 hours" in page
    assert "outside_window" not in page


def test_the_page_of_an_app_names_the_app_alone(admin_client):
    page = admin_client.get("/admin/automations/").content.decode()

    [trail] = re.findall(r'<div class="breadcrumbs">(.*?)</div>', page, re.S)
    assert re.sub(r"<[^>]+>|\s+", " ", trail).split() == ["Home", "&rsaquo;", "Automations"]
