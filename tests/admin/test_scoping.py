"""Every page of the admin: it opens, for the rows of one's own workspaces and no others."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from inro.accounts.models import ApiToken, AuditEntry, User
from inro.accounts.workspace_admin import WorkspaceAdmin

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWNED = [model for model in REGISTERED if model is not User]


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_every_page_about_a_workspace_is_scoped(model):
    assert isinstance(admin.site._registry[model], WorkspaceAdmin)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_list_opens(browser, chief, model):
    for client in (browser, chief):
        assert client.get(address(model, "changelist")).status_code == 200
        assert client.get(address(model, "changelist") + "?q=x").status_code == 200


def test_users_are_the_superusers_business(browser, chief):
    assert browser.get(address(User, "changelist")).status_code == 403
    assert chief.get(address(User, "changelist")).status_code == 200


def test_home_lists_the_apps(browser):
    page = browser.get("/admin/").text
    for name in ("Scenarios", "Media files", "Contacts", "Channels", "Messages", "API tokens"):
        assert name.lower() in page.lower(), name


def test_staff_without_a_workspace_sees_nothing(db):
    client = Client()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(address(ApiToken, "changelist")).status_code == 403
    assert "don’t have permission" in client.get("/admin/").text


def test_foreign_token_is_not_shown(browser, workspace, stranger):
    mine, _ = ApiToken.issue(workspace, name="mine")
    theirs, _ = ApiToken.issue(stranger, name="theirs")
    page = browser.get(address(ApiToken, "changelist")).text
    assert mine.key_id in page
    assert theirs.key_id not in page
    assert browser.get(address(ApiToken, "change", theirs.pk)).status_code == 302
    choices = browser.get(address(ApiToken, "add")).text
    assert "Acme" in choices
    assert "Rival" not in choices


def test_lists_ask_once_who_the_operator_is(browser, workspace, django_assert_max_num_queries):
    for number in range(20):
        ApiToken.issue(workspace, name=str(number))
    with django_assert_max_num_queries(12):
        browser.get(address(ApiToken, "changelist"))


def form(workspace, **changes):
    return {
        "workspace": workspace.pk, "name": "Shop", "abilities": ["media.read"],
        "expires_at_0": "", "expires_at_1": "", **changes,
    }  # fmt: skip


def test_token_is_shown_once(browser, workspace):
    page = browser.post(address(ApiToken, "add"), form(workspace))
    plain = re.findall(r'value="(apitk_[^"]+)"', page.text)[0]
    token = ApiToken.authenticate(plain)
    assert token is not None
    assert (token.name, token.abilities) == ("Shop", ["media.read"])
    assert "no-store" in page.headers["Cache-Control"]
    assert plain not in browser.get(address(ApiToken, "change", token.pk)).text
    assert plain not in str(dict(browser.session)) + str(browser.cookies)
    assert AuditEntry.objects.get().action == "token issued"


def test_rate_limit_of_a_token_is_judged(browser, workspace):
    page = browser.post(address(ApiToken, "add"), form(workspace, rate_limit="many"))
    assert "must look like 60/min" in page.text
    browser.post(address(ApiToken, "add"), form(workspace, rate_limit="600/min"))
    assert ApiToken.objects.get().rate_limit == "600/min"


def test_token_for_a_foreign_workspace_is_refused(browser, stranger):
    page = browser.post(address(ApiToken, "add"), form(stranger))
    assert page.status_code == 200
    assert "Select a valid choice" in page.text
    assert not ApiToken.objects.exists()


def test_changing_a_token_keeps_its_secret(browser, workspace):
    token, plain = ApiToken.issue(workspace, name="old")
    answer = browser.post(
        address(ApiToken, "change", token.pk), form(workspace, name="new", abilities=["*"])
    )
    assert answer.status_code == 302
    kept = ApiToken.authenticate(plain)
    assert kept is not None
    assert (kept.name, kept.abilities) == ("new", ["*"])


def test_revoking_ends_a_token(browser, workspace):
    token, plain = ApiToken.issue(workspace)
    data = {"action": "revoke", "_selected_action": [token.pk]}
    assert browser.post(address(ApiToken, "changelist"), data).status_code == 302
    assert ApiToken.authenticate(plain) is None
    assert AuditEntry.objects.get().action == "token revoked"
