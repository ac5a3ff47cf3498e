"""Registry, claims, waking, folding, signing, crypto, logs."""

import json
import logging
import sys
import unicodedata
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from inro.accounts.models import Workspace
from inro.common import claims, crypto, waking
from inro.common.folding import fold
from inro.common.models import Heartbeat
from inro.common.registry import Registry
from inro.common.signing import sign, unsign
from inro.common.tasks import tick
from media_library.models import Fetch


def test_registry_refuses_a_key_twice_and_names_the_missing_one():
    registry = Registry("colours", key=str.lower, items=["Red"])
    with pytest.raises(ValueError, match="colours already has 'red'"):
        registry.add("RED")
    with pytest.raises(KeyError, match="colours has no 'blue'"):
        registry["blue"]
    assert (registry.get("blue"), registry.keys(), len(registry)) == (None, ["red"], 1)


@pytest.fixture
def row(workspace: Workspace) -> Fetch:
    return Fetch.objects.create(workspace=workspace, url="https://example.com/a.jpg")


def test_claim_is_won_once(row):
    lease = timedelta(seconds=30)
    assert claims.claim(Fetch.objects.all(), row.pk, lease, status="running") == 1
    assert claims.claim(Fetch.objects.all(), row.pk, lease) is None
    row.refresh_from_db()
    assert (row.status, row.turn) == ("running", 1)
    later = timezone.now() + timedelta(seconds=31)
    assert claims.claim(Fetch.objects.all(), row.pk, lease, later) == 2


def test_claim_respects_the_filter(row):
    assert claims.claim(Fetch.objects.filter(status="failed"), row.pk, timedelta(1)) is None
    row.refresh_from_db()
    assert (row.turn, row.lease_until) == (0, None)


def test_a_failing_sweep_does_not_hold_up_the_others(db, monkeypatch):
    ran: list[object] = []

    def sound(now):
        ran.append(now)
        return 3

    registry: Registry[claims.Sweep] = Registry("sweeps", key=lambda sweep: sweep.name)
    registry.add(claims.Sweep("broken", Fetch, lambda now: 1 // 0))
    registry.add(claims.Sweep("sound", Fetch, sound))
    monkeypatch.setattr(claims, "SWEEPS", registry)
    assert claims.sweep() == {"sound": 3}
    assert len(ran) == 1


def test_tick_sweeps_and_beats(db):
    tick()
    assert timezone.now() - Heartbeat.objects.get(name="tick").at < timedelta(seconds=5)


def test_every_task_row_has_a_sweep():
    from django.apps import apps

    task_rows = {m for m in apps.get_models() if issubclass(m, claims.TaskRow)}
    assert len(task_rows) >= 5
    assert task_rows <= {sweep.model for sweep in claims.SWEEPS}


@pytest.mark.django_db(transaction=True)
def test_wake_waits_for_the_commit_and_survives_a_dead_broker(monkeypatch, caplog):
    sent = []
    monkeypatch.setattr(tick, "apply_async", lambda args: sent.append(args))
    with transaction.atomic():
        waking.wake(tick, 7)
        assert sent == []
    assert sent == [(7,)]

    def fail(args):
        raise OSError("no broker")

    monkeypatch.setattr(tick, "apply_async", fail)
    with transaction.atomic():
        Workspace.objects.create(name="A", subdomain="a")
        waking.wake(tick)
    assert Workspace.objects.count() == 1
    assert "queue not reached" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_failed_is_left_alone_for_a_while(monkeypatch):
    tries, now = [], [1000.0]
    monkeypatch.setattr(waking, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def fail(args):
        tries.append(args)
        raise OSError("no broker")

    monkeypatch.setattr(tick, "apply_async", fail)
    for _ in range(3):
        waking.wake(tick, 1)
    assert tries == [(1,)]
    now[0] += waking.QUIET_SECONDS
    monkeypatch.setattr(tick, "apply_async", tries.append)
    for _ in range(2):
        waking.wake(tick, 2)
    assert tries == [(1,), (2,), (2,)]


@pytest.mark.django_db(transaction=True)
def test_wake_is_forgotten_with_its_transaction(monkeypatch):
    sent = []
    monkeypatch.setattr(tick, "apply_async", lambda args: sent.append(args))

    def fail():
        with transaction.atomic():
            waking.wake(tick)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert sent == []


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café ", "cafe"),
        ("  HELLO   world ", "hello world"),
        ("straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ΑΘΉΝΑ", "αθηνα"),
        ("🎉 Party", "🎉 party"),
        ("ﬁne", "fine"),
        ("", ""),
        ("Ёж", "еж"),
        ("שָׁלוֹם", "שלום"),
        ("مَرْحَبًا", "مرحبا"),
        ("ﾊﾟ", "パ"),
        ("\u0301", ""),
    ],
)
def test_fold(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("one", "other"),
    [("パパ", "ハハ"), ("かき", "かぎ"), ("ไม่", "ไม้"), ("ปู", "ป"), ("क्या", "कया"), ("≠", "=")],
)
def test_marks_that_make_another_letter_stay(one, other):
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_changes_nothing(text):
    folded = fold(text)
    assert fold(folded) == folded
    assert unicodedata.is_normalized("NFKC", folded)
    assert len(folded) <= 18 * len(text)


def test_every_character_folds_once_and_within_bounds():
    folded = {char: fold(char) for char in map(chr, range(sys.maxunicode + 1))}
    assert [char for char, once in folded.items() if fold(once) != once] == []
    assert max(map(len, folded.values())) == 18


def test_signature_is_for_one_purpose():
    signed = sign("12", "media")
    assert unsign(signed, "media") == "12"
    assert unsign(signed, "login") is None
    for place in range(len(signed)):
        other = "x" if signed[place] != "x" else "y"
        assert unsign(signed[:place] + other + signed[place + 1 :], "media") is None


def test_old_secret_keys_keep_links_valid(settings):
    signed = sign("12", "media")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert unsign(signed, "media") == "12"
    assert sign("12", "media") != signed


def test_secrets_are_sealed_and_open_with_an_old_key(settings):
    from cryptography.fernet import Fernet

    sealed = crypto.encrypt({"access_token": "EAAG"})
    assert "EAAG" not in sealed
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    assert crypto.decrypt(sealed) == {"access_token": "EAAG"}
    assert crypto.decrypt("") == {}


def test_masks_spare_short_secrets():
    assert crypto.mask("a-long-secret-1234") == "•••1234"
    assert crypto.mask("short") == "•••"


def test_request_line_has_no_query_and_no_signed_path(db, caplog):
    with caplog.at_level(logging.INFO, logger="inro.request"):
        Client().get("/api/v1/contact?username=jane.doe")
        Client().get("/media/secret-signature/a.jpg")
    assert "/api/v1/contact" in caplog.text
    assert "jane.doe" not in caplog.text
    assert "secret-signature" not in caplog.text


def test_json_logs_are_json(capfd):
    from inro.common.logging import configure

    handlers = logging.root.handlers[:]
    try:
        configure("json", "INFO")
        structlog.get_logger("inro.test").info("something", number=1)
        record = json.loads(capfd.readouterr().err.strip().splitlines()[-1])
    finally:
        configure("text", "INFO")
        # Its handler writes to what is captured for this test only.
        logging.root.handlers[:] = handlers
    assert (record["event"], record["number"], record["level"]) == ("something", 1, "info")
