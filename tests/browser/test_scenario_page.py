import re

import pytest
from playwright.sync_api import expect

from automations.models import Scenario
from automations.scenarios import create_scenario
from tests.admin.test_scoping import address
from tests.browser.house import write
from tests.browser.watching import NARROW, WIDE, faults_of


@pytest.fixture
def scenario(house):
    return Scenario.objects.get()


def page_of(scenario):
    return address(Scenario, "change", scenario.pk)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_tree_is_seen(browsing, operator, scenario, width, scheme):
    page = browsing(operator, width, scheme)
    page.goto(page_of(scenario))
    for key in ("first", "picture", "bye"):
        node = page.locator(f'.tree-node[data-key="{key}"]')
        node.scroll_into_view_if_needed()
        expect(node).to_be_in_viewport(ratio=0.9)
    box, tree = page.locator(".tree-box").bounding_box(), page.locator("svg.tree").bounding_box()
    assert box
    assert tree
    assert tree["width"] <= box["width"]
    assert faults_of(page) == []


def test_texts_stay_in_their_nodes(browsing, operator, workspace):
    """Whatever font there is: by the table of widths, and where that errs by the clip."""
    texts = [
        "WWWW " * 30,
        "mmmmmmmmmm" * 10,
        "ilil " * 50,
        "Grüße, schöne Straße! " * 5,
        "你好" * 50,
    ]
    actions = [
        {
            "action_key": f"key-of-the-action-{index}",
            "action_type": "message",
            "content": text,
            **({"parent_key": f"key-of-the-action-{index - 1}"} if index else {}),
        }
        for index, text in enumerate(texts)
    ]
    page = browsing(operator)
    page.goto(page_of(create_scenario(workspace, {"actions": actions})))
    overflow = page.evaluate(
        """() => [...document.querySelectorAll('.tree-node')].flatMap((node) => {
            const room = node.querySelector('.tree-card').getBoundingClientRect();
            return [...node.querySelectorAll('text')]
                .filter((text) => text.getBoundingClientRect().right > room.right)
                .map((text) => text.textContent);
        })"""
    )
    assert overflow == []


def test_zooming_never_widens_the_page(browsing, operator, workspace):
    actions = [{"action_key": "a0", "action_type": "message", "content": "Hi"}] + [
        {
            "action_key": f"a{index}", "action_type": "message", "content": "Hi",
            "parent_key": f"a{index - 1}",
        }
        for index in range(1, 100)
    ]  # fmt: skip
    scenario = create_scenario(workspace, {"actions": actions})
    page = browsing(operator, NARROW)
    page.goto(page_of(scenario))
    tree = page.locator("svg.tree")
    widths = {}
    for button in ("100 %", "Larger", "Smaller", "Fit"):
        page.get_by_role("button", name=button, exact=True).click()
        size = tree.bounding_box()
        assert size
        widths[button] = round(size["width"])
        assert faults_of(page) == []
    natural = int(tree.get_attribute("width") or 0)
    assert widths["100 %"] == widths["Smaller"] == natural
    assert widths["Larger"] == round(natural * 1.25)
    assert widths["Fit"] < natural / 5
    page.get_by_role("button", name="100 %").click()
    for _ in range(4):
        page.get_by_role("button", name="Larger").click()
    size = tree.bounding_box()
    assert size
    assert size["width"] == 2 * natural > NARROW
    assert faults_of(page) == []


def test_a_node_leads_to_its_words(browsing, operator, scenario):
    page = browsing(operator, NARROW)
    page.goto(page_of(scenario))
    page.locator("details.outline > summary").click()
    words = page.get_by_text("See you {{contact.shoesize}}", exact=True).last
    expect(words).to_be_hidden()
    page.locator('.tree-node[data-key="bye"]').click()
    expect(words).to_be_in_viewport()


def test_runs_come_in_while_one_looks(browsing, operator, house, scenario):
    page = browsing(operator)
    page.goto(page_of(scenario))
    expect(page.locator("#tree-runs text").first).to_have_text("1 run")
    write(house, "joe", "hello")
    expect(page.locator("#tree-runs text").first).to_have_text("2 runs")
    expect(page.locator("#live")).to_contain_text("joe")
    expect(page.locator("#tree-runs")).to_have_count(1)


def test_switching_off_and_copying(browsing, operator, scenario):
    page = browsing(operator)
    page.goto(page_of(scenario))
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("The scenario is switched off.")).to_be_visible()
    page.get_by_text("The JSON, as").click()
    page.get_by_role("button", name="Copy the JSON").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.match(rf'{{\s+"id": {scenario.pk},\s+"title": "Welcome",\s+"active": false,', copied)
