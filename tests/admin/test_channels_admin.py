import pytest

from inro.accounts.models import AuditEntry
from messaging.connecting import connect_channel, open_account
from messaging.models import Channel, Pump, Stream
from tests.admin.test_scoping import address

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
    data = {"name": "Trial", "status": "paused", "status_reason": "Holidays"}
    assert browser.post(address(Channel, "change", channel.pk), data).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.status, channel.kind) == ("Trial", "paused", "sandbox")


@pytest.mark.parametrize("page", ["change", "delete"])
def test_foreign_channel_is_out_of_reach(browser, stranger, page):
    channel = connect_channel(stranger, "sandbox", "Theirs", {})
    answer = browser.post(address(Channel, page, channel.pk), {"name": "Mine", "post": "yes"})
    assert answer.status_code in {302, 403}
    channel.refresh_from_db()
    assert channel.name == "Theirs"
