from datetime import UTC, datetime

import pytest
from django.test import Client

from inro.accounts.models import AuditEntry
from messaging.connecting import connect_channel, open_account
from messaging.models import Channel, Event, Pump, Stream
from tests.admin.story import instagram, person, written
from tests.admin.test_scoping import address
from tests.messaging.channels.graph import Provider, error
from tests.messaging.inbound import instagram as graph_account

FORM = {
    "kind": "instagram",
    "name": "Shop",
    "account_id": "1784",
    "access_token": "EAAG-token-of-the-shop",
    "app_secrets": "first-secret\r\nsecond-secret",
    "login": "instagram",
}


def test_connecting_a_channel(browser, workspace):
    answer = browser.post(address(Channel, "add"), {"workspace": workspace.pk, **FORM})
    assert answer.status_code == 302, answer.text
    channel = Channel.objects.get()
    account = open_account(channel)
    assert (channel.kind, channel.name, account.account_id) == ("instagram", "Shop", "1784")
    assert account.secrets["app_secrets"] == ["first-secret", "second-secret"]
    assert "EAAG" not in channel.sealed_secrets
    assert (Pump.objects.count(), Stream.objects.count()) == (1, 2)
    assert AuditEntry.objects.get().action == "channel connected"
    page = browser.get(address(Channel, "change", channel.pk)).text
    assert channel.webhook_url in page
    assert "EAAG" not in page
    assert "first-secret" not in page


def test_faults_stand_at_their_fields(browser, workspace):
    data = {"workspace": workspace.pk, "kind": "instagram", "name": "Shop", "account_id": "1784"}
    page = browser.post(address(Channel, "add"), data)
    assert page.status_code == 200
    assert set(page.context["adminform"].form.errors) == {"access_token", "app_secrets"}
    assert not Channel.objects.exists()


def test_secrets_are_not_shown_again_beside_a_fault(browser, workspace):
    page = browser.post(
        address(Channel, "add"), {"workspace": workspace.pk, **FORM, "account_id": ""}
    )
    assert set(page.context["adminform"].form.errors) == {"account_id"}
    assert "EAAG-token-of-the-shop" not in page.text
    assert "first-secret" not in page.text


def test_same_account_twice_is_refused(browser, workspace):
    browser.post(address(Channel, "add"), {"workspace": workspace.pk, **FORM})
    page = browser.post(address(Channel, "add"), {"workspace": workspace.pk, **FORM})
    assert "already has a channel for the account 1784" in page.text
    assert Channel.objects.count() == 1


def test_foreign_workspace_is_refused(browser, stranger):
    page = browser.post(address(Channel, "add"), {"workspace": stranger.pk, **FORM})
    assert page.status_code == 200
    assert not Channel.objects.exists()


def test_renaming_and_pausing(browser, workspace):
    channel = connect_channel(workspace, "sandbox", "Try", {})
    answer = browser.post(address(Channel, "change", channel.pk), {"name": "Trial"})
    assert answer.status_code == 302
    assert browser.post(address(Channel, "pause", channel.pk)).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.status, channel.kind) == ("Trial", "paused", "sandbox")
    assert channel.status_reason == "Paused by olga."
    assert AuditEntry.objects.filter(action="channel paused").count() == 1


def test_resuming_wakes_the_pump(
    browser, workspace, monkeypatch, django_capture_on_commit_callbacks
):
    woken = []
    monkeypatch.setattr("inro.common.waking._send", lambda task, args, *_: woken.append(args))
    channel = instagram(workspace)
    Channel.objects.update(status="error", status_reason="Token expired.")
    with django_capture_on_commit_callbacks(execute=True):
        page = browser.post(address(Channel, "resume", channel.pk), follow=True)
    assert "Shop is resumed." in page.text
    channel.refresh_from_db()
    assert (channel.status, channel.status_reason) == ("connected", "")
    assert woken == [(channel.pk,)]
    with django_capture_on_commit_callbacks(execute=True):
        browser.post(address(Channel, "resume", channel.pk))
    assert len(woken) == 1
    assert AuditEntry.objects.filter(action="channel resumed").count() == 1


def test_page_of_a_channel(browser, workspace):
    channel = instagram(workspace)
    page = browser.get(address(Channel, "change", channel.pk)).text
    assert f'<code id="webhook-url">{channel.webhook_url}</code>' in page
    assert f'<code id="verify-token">{channel.verify_token}</code>' in page
    assert "never" in page
    assert "Pause</button>" in page
    event = {"workspace": workspace, "channel": channel, "kind": "message", "payload": {}}
    happened_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    Event.objects.create(key="1", happened_at=happened_at, created_at=happened_at, **event)
    written(channel, person(channel))
    Channel.objects.update(status="error", status_reason="<b>Token</b> expired.")
    page = browser.get(address(Channel, "change", channel.pk)).text
    assert "1 Mar 2026, 12:00" in page
    assert "&lt;b&gt;Token&lt;/b&gt; expired." in page
    assert "Resume</button>" in page
    sandbox = connect_channel(workspace, "sandbox", "Try", {})
    assert "webhook-url" not in browser.get(address(Channel, "change", sandbox.pk)).text


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_switching_takes_a_post_of_ones_own(browser, workspace, stranger, verb):
    mine, theirs = instagram(workspace), instagram(stranger)
    assert browser.get(address(Channel, verb, mine.pk)).status_code == 405
    assert browser.post(address(Channel, verb, theirs.pk)).status_code == 404
    assert Client().post(address(Channel, verb, mine.pk)).status_code == 302
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = browser.cookies
    assert careful.post(address(Channel, verb, mine.pk)).status_code == 403
    assert set(Channel.objects.values_list("status", flat=True)) == {"connected"}
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("page", ["change", "delete"])
def test_foreign_channel_is_out_of_reach(browser, stranger, page):
    channel = connect_channel(stranger, "sandbox", "Theirs", {})
    answer = browser.post(address(Channel, page, channel.pk), {"name": "Mine", "post": "yes"})
    assert answer.status_code in {302, 403}
    channel.refresh_from_db()
    assert channel.name == "Theirs"


def test_checking_connections_each_by_itself(browser, workspace, settings):
    provider = Provider()
    settings.INSTAGRAM_API_URL = provider.url
    shop = graph_account.connect(workspace)
    sandbox = connect_channel(workspace, "sandbox", "Playground", {})

    def check(*channels):
        ids = [each.pk for each in channels]
        data = {"action": "check_connection", "_selected_action": ids}
        return browser.post(address(Channel, "changelist"), data, follow=True).text

    try:
        provider.says(500, b"")
        page = check(shop, sandbox)
        assert "Shop (instagram): The provider gave no clear answer (500)" in page
        assert "Playground (sandbox): The credentials are good." in page
        assert AuditEntry.objects.get().target == str(sandbox)
        provider.says(401, error(190))
        assert "Shop (instagram): The access token has expired" in check(shop)
    finally:
        provider.close()
    shop.refresh_from_db()
    assert shop.status == "error"
    assert AuditEntry.objects.filter(action="channel checked").count() == 2
