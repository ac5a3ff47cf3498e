import json

import pytest
from django.core.management import CommandError, call_command

from messaging.connecting import open_account
from messaging.models import Channel

INSTAGRAM = ["create_channel", "--workspace", "acme", "--kind", "instagram"]


def test_instagram_by_flags(workspace, capsys):
    call_command(
        *INSTAGRAM, "--name", "Shop", "--account-id", "1784", "--access-token", "EAAG-1234567890",
        "--app-secret", "one", "two", "--login", "facebook",
    )  # fmt: skip
    channel = Channel.objects.get()
    assert capsys.readouterr().out.strip() == str(channel.pk)
    account = open_account(channel)
    assert (channel.name, account.account_id, account.settings["login"]) == (
        "Shop",
        "1784",
        "facebook",
    )
    assert account.secrets["app_secrets"] == ["one", "two"]


def test_json_is_the_api_object(workspace, api, capsys):
    call_command("create_channel", "--workspace", "acme", "--kind", "sandbox", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert api.get(f"/api/v1/channels/{shown['id']}").json() == shown


def test_all_missing_options_are_named(workspace):
    with pytest.raises(CommandError) as refused:
        call_command(*INSTAGRAM)
    assert {line.split(":")[0] for line in str(refused.value).splitlines()} == {
        "account_id",
        "access_token",
        "app_secrets",
    }
    assert not Channel.objects.exists()


def test_missing_workspace(db):
    with pytest.raises(CommandError, match="no workspace 'acme'"):
        call_command(*INSTAGRAM)
