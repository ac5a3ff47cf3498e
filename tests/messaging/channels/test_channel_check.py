"""Whether a channel's credentials are good, asked of a provider on loopback."""

import socket

import pytest
from django.db import connection

from inro.accounts.models import AuditEntry
from inro.api import waiting
from messaging.connecting import connect_channel
from messaging.models import Channel
from tests.conftest import client_of
from tests.messaging.channels.graph import ACCOUNT, GOOD, Provider, error
from tests.messaging.inbound import instagram

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings):
    found = Provider()
    settings.INSTAGRAM_API_URL = found.url
    yield found
    found.close()


@pytest.fixture
def channel(workspace):
    return instagram.connect(workspace)


def check(api, channel):
    return api.post(f"/api/v1/channels/{channel.pk}/check")


def state(channel):
    return Channel.objects.values_list("status", "status_reason").get(pk=channel.pk)


def test_good_credentials(api, channel, provider):
    answer = check(api, channel)
    assert answer.status_code == 200, answer.content
    assert answer.json() == api.get(f"/api/v1/channels/{channel.pk}").json()
    assert (answer.json()["status"], answer.json()["status_reason"]) == ("connected", "")
    token = "Bearer IGAA-token-of-the-shop"
    assert provider.asked == [("/v26.0/me?fields=user_id,username", token)]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == ("channel checked", str(channel))


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, error(190, 463), "The access token has expired or was revoked."),
        (200, error(190), "The access token has expired or was revoked."),
        (400, error(100, 33), "The account does not exist for this token."),
        (403, error(10), "The connected app lacks a permission"),
        (401, b"", "The provider refused the credentials (401)"),
        (200, {"user_id": "1", "id": "2"}, "The access token is for the account 1,"),
    ],
)
def test_bad_credentials(api, channel, provider, status, body, reason):
    provider.says(status, body)
    answer = check(api, channel)
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "error"
    assert answer.json()["status_reason"].startswith(reason)
    assert state(channel) == ("error", answer.json()["status_reason"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (503, error(2)),
        (400, error(4)),
        (429, b""),
        (302, b""),
        (200, b"<html>"),
        (200, b"x" * (1024 * 1024 + 1)),
    ],
)
@pytest.mark.parametrize("before", ["connected", "error"])
def test_no_clear_answer_changes_nothing(api, channel, provider, status, body, before):
    Channel.objects.update(status=before, status_reason="as it was")
    provider.says(status, body)
    answer = check(api, channel)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_unavailable")
    assert state(channel) == (before, "as it was")
    assert len(provider.asked) == 1
    assert not AuditEntry.objects.exists()


def test_nobody_there(api, channel, settings):
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings.INSTAGRAM_API_URL = f"http://127.0.0.1:{free.getsockname()[1]}"
    answer = check(api, channel)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_unavailable")
    assert state(channel) == ("connected", "")


def test_a_page_shows_its_account(api, workspace, provider):
    options = {
        "account_id": ACCOUNT,
        "access_token": "EAAG-token",
        "app_secrets": ["secret"],
        "login": "facebook",
    }
    channel = connect_channel(workspace, "instagram", "", options)
    for owner, status in ((ACCOUNT, "connected"), ("1", "error")):
        provider.says(200, {"id": "5", "instagram_business_account": {"id": owner}})
        assert check(api, channel).json()["status"] == status
    assert {path for path, _ in provider.asked} == {"/v26.0/me?fields=instagram_business_account"}


def test_a_mended_channel_goes_on(api, channel, provider, monkeypatch, request):
    woken = []
    monkeypatch.setattr("messaging.checking.wake", lambda task, pk: woken.append(pk))
    Channel.objects.update(status="error", status_reason="The token has expired.")
    assert check(api, channel).json()["status"] == "connected"
    assert state(channel) == ("connected", "")
    check(api, channel)
    assert woken == [channel.pk]


def test_a_paused_channel_stays_paused(api, channel, provider):
    Channel.objects.update(status="paused")
    provider.says(401, error(190))
    assert check(api, channel).json()["status"] == "paused"
    assert state(channel)[1].startswith("The access token has expired")
    provider.says(200, GOOD)
    check(api, channel)
    assert state(channel) == ("paused", "")


def test_the_sandbox_is_always_fine(api, workspace):
    sandbox = connect_channel(workspace, "sandbox", "", {})
    Channel.objects.update(status="error", status_reason="broken")
    assert check(api, sandbox).json()["status"] == "connected"
    assert state(sandbox) == ("connected", "")


def test_who_may(workspace, stranger, channel, provider):
    assert check(client_of(workspace, ["channels.read"]), channel).status_code == 403
    assert check(client_of(stranger), channel).status_code == 404
    assert provider.asked == []
    assert check(client_of(workspace, ["channels.write"]), channel).status_code == 200


def test_only_so_many_wait(api, channel, provider, settings, monkeypatch):
    settings.WEB_THREADS = 4
    monkeypatch.setattr(waiting, "_waiting", 1)
    answer = check(api, channel)
    assert (answer.status_code, answer["Retry-After"]) == (429, "5")
    assert provider.asked == []


@pytest.mark.django_db(transaction=True)
def test_new_credentials_are_not_judged_by_an_answer_about_the_old(api, channel, provider):
    def reconnect():
        changed = Channel.objects.get()
        changed.seal({"access_token": "a-new-one", "app_secrets": ["secret"]})
        changed.save()
        connection.close()

    provider.says(401, error(190))
    provider.meanwhile = reconnect
    answer = check(api, channel)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert state(channel) == ("connected", "")
