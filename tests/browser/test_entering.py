from django.urls import reverse
from playwright.sync_api import expect

from inro.accounts.models import ApiToken
from inro.accounts.starting import login_link
from tests.browser.watching import NARROW, WIDE, faults_of


def test_a_login_link_opens_the_home_page_once(browsing, operator, live_server):
    page = browsing(None, NARROW)
    address = login_link(operator, live_server.url)
    page.goto(address)
    assert page.url == live_server.url + reverse("admin:index")
    expect(page.get_by_role("link", name="Scenarios").first).to_be_visible()
    assert faults_of(page) == []
    page.set_viewport_size({"width": WIDE, "height": 800})
    assert faults_of(page) == []


def test_issuing_a_token_and_copying_it(browsing, operator):
    page = browsing(operator, NARROW)
    page.goto(reverse("admin:accounts_apitoken_add"))
    page.get_by_label("Name:").fill("Shop")
    page.get_by_label("everything").uncheck()
    page.get_by_label("media.read").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    plain = page.evaluate("navigator.clipboard.readText()")
    token = ApiToken.authenticate(plain)
    assert token is not None
    assert (token.name, token.abilities) == ("Shop", ["media.read"])
    assert faults_of(page) == []
    page.set_viewport_size({"width": WIDE, "height": 800})
    assert faults_of(page) == []
