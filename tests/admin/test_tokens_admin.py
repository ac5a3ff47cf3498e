"""Ending tokens on their pages: for good, or for a new secret."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from inro.accounts.models import ApiToken, AuditEntry
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
