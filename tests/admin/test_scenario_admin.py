import pytest

from automations.models import Definition, Scenario
from automations.scenarios import create_scenario
from tests.admin.test_scoping import address

WELCOME = {
    "title": "Welcome",
    "triggers": [{"trigger_type": "contact_create"}],
    "actions": [
        {"action_key": "first", "action_type": "message", "content": "Hey <b>you</b>"},
        {"action_key": "second", "action_type": "message", "content": "Bye", "parent_key": "first"},
    ],
}


@pytest.fixture
def scenario(workspace) -> Scenario:
    return create_scenario(workspace, WELCOME)


def save(browser, scenario, **fields):
    management = {"triggers-TOTAL_FORMS": "0", "triggers-INITIAL_FORMS": "0"}
    data = {"title": scenario.title, **management, **fields}
    return browser.post(address(Scenario, "change", scenario.pk), data)


def test_page_shows_the_tree(browser, scenario):
    page = browser.get(address(Scenario, "change", scenario.pk)).text
    assert "<strong>first</strong>" in page
    assert "next → <strong>second</strong>" in page
    assert "&lt;b&gt;you&lt;/b&gt;" in page
    assert "contact_create" in page


def test_switching_on_and_renaming(browser, scenario):
    assert save(browser, scenario, title="Hello", active="on").status_code == 302
    scenario.refresh_from_db()
    assert (scenario.title, scenario.active) == ("Hello", True)


def test_an_empty_scenario_cannot_be_switched_on(browser, workspace):
    definition = Definition.objects.create(workspace=workspace)
    empty = Scenario.objects.create(workspace=workspace, definition=definition, title="Empty")
    page = save(browser, empty, active="on")
    assert page.status_code == 200
    assert page.context["adminform"].form.errors == {
        "active": ["It has no trigger.", "It has no action."]
    }
    empty.refresh_from_db()
    assert empty.active is False
