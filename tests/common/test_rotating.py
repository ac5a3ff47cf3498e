"""Sealing anew with the first key: everything, once, and never over somebody's change."""

import json
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command

from inro.common import crypto, rotating
from inro.common.rotating import SEALED, Count, rotate
from messaging.models import Channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def ring(settings: Any) -> list[str]:
    """A new key in front of the one that the channels are sealed with."""
    return [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]


def make_channels(workspace: Any, count: int) -> None:
    for n in range(count):
        channel = Channel(workspace=workspace, kind="instagram", name="S", account_id=str(n))
        channel.seal({"access_token": f"token {n}"})
        channel.save()
    Channel.objects.create(workspace=workspace, kind="sandbox", name="Sandbox")


def tokens() -> list[str]:
    rows = Channel.objects.filter(kind="instagram").order_by("pk")
    return [channel.secrets["access_token"] for channel in rows]


def test_old_key_can_be_dropped_afterwards(workspace: Any, settings: Any, ring: list[str]):
    make_channels(workspace, rotating.BATCH + 5)
    settings.ENCRYPTION_KEYS = ring
    assert rotate(SEALED["channels"]) == Count(older=rotating.BATCH + 5)
    settings.ENCRYPTION_KEYS = ring[:1]
    assert tokens() == [f"token {n}" for n in range(rotating.BATCH + 5)]
    before = list(Channel.objects.order_by("pk").values_list("sealed_secrets", flat=True))
    assert rotate(SEALED["channels"]) == Count(current=rotating.BATCH + 5)
    assert list(Channel.objects.order_by("pk").values_list("sealed_secrets", flat=True)) == before


def test_dry_run_changes_nothing(
    workspace: Any, settings: Any, ring: list[str], capsys: pytest.CaptureFixture[str]
):
    make_channels(workspace, 2)
    settings.ENCRYPTION_KEYS = ring
    call_command("rotate_keys", "--dry-run", "--json")
    expected = {"channels": {"current": 0, "older": 2, "lost": 0}}
    assert json.loads(capsys.readouterr().out) == expected
    settings.ENCRYPTION_KEYS = ring[:1]
    with pytest.raises(InvalidToken):
        tokens()


def test_a_lost_key_is_told_and_the_others_are_done(
    workspace: Any, settings: Any, ring: list[str], capsys: pytest.CaptureFixture[str]
):
    make_channels(workspace, 3)
    stranger = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    lost = Channel.objects.filter(account_id="1")
    lost.update(sealed_secrets=stranger)
    settings.ENCRYPTION_KEYS = ring
    with pytest.raises(CommandError, match="No key opens 1 of them"):
        call_command("rotate_keys")
    assert "channels: 2 sealed anew, 0 were right" in capsys.readouterr().out
    assert lost.get().sealed_secrets == stranger
    settings.ENCRYPTION_KEYS = ring[:1]
    lost.delete()
    assert tokens() == ["token 0", "token 2"]


def test_a_change_made_meanwhile_wins(
    workspace: Any, settings: Any, ring: list[str], monkeypatch: pytest.MonkeyPatch
):
    make_channels(workspace, 1)
    settings.ENCRYPTION_KEYS = ring
    real = crypto.rotated

    def while_somebody_enters_a_new_token(token: str) -> str:
        channel = Channel.objects.get(kind="instagram")
        channel.seal({"access_token": "entered just now"})
        channel.save()
        return real(token)

    monkeypatch.setattr(crypto, "rotated", while_somebody_enters_a_new_token)
    assert rotate(SEALED["channels"]) == Count(older=1)
    assert tokens() == ["entered just now"]


def test_key_file_may_hold_a_ring(tmp_path: Any):
    from inro import env

    path = tmp_path / "encryption_key"
    (first,) = env.generated_encryption_keys(path)
    second = Fernet.generate_key().decode()
    path.write_text(f"{second}\n{first}\n")
    assert env.generated_encryption_keys(path) == [second, first]
    path.write_text("\n")
    with pytest.raises(Exception, match="is empty: bring back the keys"):
        env.generated_encryption_keys(path)
