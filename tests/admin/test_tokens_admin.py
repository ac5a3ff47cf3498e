"""Ending tokens on their pages: for good, or for a new secret."""

import html
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from inro.accounts.models import ABILITIES, ApiToken, AuditEntry
from inro.api.models import IdempotencyKey


def page(verb, token):
    return reverse(f"admin:accounts_apitoken_{verb}", args=[token.pk])


@pytest.fixture
def issued(workspace):
    return ApiToken.issue(workspace, name="Shop", abilities=["media.read"], rate_limit="9/min")


def secret_on(answer):
    [plain] = re.findall(r'value="(apitk_[^"]+)"', answer.text)
    return plain


def test_regenerating_shows_the_new_secret_once_and_ends_the_old(browser, issued):
    token, old = issued
    assert page("regenerate", token) in browser.get(page("change", token)).text
    asked = browser.get(page("regenerate", token))
    assert asked.status_code == 200
    assert ApiToken.authenticate(old) is not None
    answer = browser.post(page("regenerate", token))
    new = secret_on(answer)
    assert "no-store" in answer.headers["Cache-Control"]
    assert ApiToken.authenticate(old) is None
    renewed = ApiToken.authenticate(new)
    assert renewed is not None
    assert (renewed.pk, renewed.name, renewed.abilities) == (token.pk, "Shop", ["media.read"])
    assert renewed.rate_limit == "9/min"
    assert new not in browser.get(page("change", token)).text
    assert new not in str(dict(browser.session)) + str(browser.cookies)


def test_regenerating_is_audited_without_the_secret(browser, issued):
    token, _ = issued
    plain = secret_on(browser.post(page("regenerate", token)))
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == ("token regenerated", "olga")
    assert entry.details == {"replaced": str(token)}
    assert plain not in f"{entry.target}{entry.details}"


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_a_token_that_has_ended_gets_no_secret(browser, issued, ended):
    token, _ = issued
    ApiToken.objects.filter(pk=token.pk).update(**{ended: timezone.now() - timedelta(hours=1)})
    assert page("regenerate", token) not in browser.get(page("change", token)).text
    answer = browser.post(page("regenerate", token), follow=True)
    assert "gets no secret" in answer.text
    assert ApiToken.objects.get().key_id == token.key_id
    assert not AuditEntry.objects.exists()


def test_revoking_on_the_page(browser, issued):
    token, plain = issued
    assert browser.get(page("revoke", token)).status_code == 200
    assert ApiToken.authenticate(plain) is not None
    answer = browser.post(page("revoke", token), follow=True)
    assert "The token is revoked." in answer.text
    assert page("revoke", token) not in answer.text
    assert ApiToken.authenticate(plain) is None
    browser.post(page("revoke", token))
    assert AuditEntry.objects.get().action == "token revoked"


@pytest.mark.parametrize("verb", ["regenerate", "revoke"])
def test_only_for_the_operators_of_its_workspace(browser, stranger, verb):
    theirs, plain = ApiToken.issue(stranger)
    for method in (browser.get, browser.post):
        assert method(page(verb, theirs)).status_code == 404
        anonymous = getattr(Client(), method.__name__)(page(verb, theirs))
        assert anonymous.headers["Location"].startswith("/admin/login/")
    assert ApiToken.authenticate(plain) is not None


@pytest.mark.parametrize("verb", ["regenerate", "revoke"])
def test_another_site_cannot_do_it(operator, issued, verb):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.post(page(verb, issued[0])).status_code == 403
    assert ApiToken.authenticate(issued[1]) is not None


def test_idempotency_keys_outlive_the_secret(browser, workspace):
    """A client that is given the new secret may still ask what became of its request."""
    token, plain = ApiToken.issue(workspace)

    def post(secret):
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
        return APIClient(headers=headers).post("/api/v1/channels", {"kind": "sandbox"})

    first = post(plain)
    new = secret_on(browser.post(page("regenerate", token)))
    assert post(new).content == first.content
    assert IdempotencyKey.objects.count() == 1


def test_abilities_are_explained_in_groups(browser):
    form = browser.get(reverse("admin:accounts_apitoken_add")).text
    labels = re.findall(r'name="abilities" value="([^"]+)"[^>]*>\s*([^<]+?)</label>', form)
    said = dict(labels)
    assert said["*"].startswith("everything")
    assert said["messages.send"] == "messages.send – send them to people"
    assert set(said) == {"*", *ABILITIES}
    assert "<label>Scenarios</label>" in form


def test_what_a_new_token_is_good_for(browser, workspace, settings):
    settings.PUBLIC_URL = "https://inro.example"
    data = {"workspace": workspace.pk, "name": "Shop", "abilities": ["*"]}
    answer = browser.post(reverse("admin:accounts_apitoken_add"), data)
    plain = secret_on(answer)
    shown = html.unescape(answer.text)
    assert f"curl -s https://inro.example/api/v1/me -H 'Authorization: Bearer {plain}'" in shown
    [snippet] = re.findall(r'id="mcp">(.*?)</pre>', shown, re.S)
    server = json.loads(snippet)["mcpServers"]["inro"]
    assert server["url"] == "https://inro.example/mcp"
    assert server["headers"] == {"Authorization": f"Bearer {plain}"}


def test_revoking_warns_by_how_lately_it_was_used(browser, issued):
    token, plain = issued
    assert "It was never used" in browser.get(page("revoke", token)).text
    ApiToken.authenticate(plain)
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(hours=3, minutes=1))
    for verb in ("revoke", "regenerate"):
        shown = browser.get(page(verb, token)).text.replace("\xa0", " ")
        assert "It was last used 3 hours, 1 minute ago" in shown
    shown = browser.get(page("change", token)).text.replace("\xa0", " ")
    assert "In force" in shown
    assert "last used 3 hours, 1 minute ago" in shown


def test_the_limit_in_force_is_listed(browser, issued, workspace, settings):
    settings.API_RATE_LIMIT = "60/min"
    ApiToken.issue(workspace, name="Other")
    shown = browser.get(reverse("admin:accounts_apitoken_changelist")).text
    assert re.findall(r'field-limit">([^<]+)<', shown) == ["60/min", "9/min"]


def test_names_are_no_markup(browser, workspace):
    token, _ = ApiToken.issue(workspace, name="<script>alert(1)</script>")
    for verb in ("revoke", "regenerate", "change"):
        assert "<script>alert" not in browser.get(page(verb, token)).text
    assert "<script>alert" not in browser.post(page("regenerate", token)).text


def test_list_tells_a_token_without_a_limit_from_one_that_may_nothing(browser, workspace, settings):
    settings.API_RATE_LIMIT = "60/min"
    for limit in ("0", "9/min", ""):
        ApiToken.issue(workspace, rate_limit=limit)
    listed = browser.get(reverse("admin:accounts_apitoken_changelist"))
    cells = re.findall(r'class="field-limit">([^<]*)<', listed.text)
    assert cells == ["60/min", "9/min", "none"]
