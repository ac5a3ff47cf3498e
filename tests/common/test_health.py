import pytest
from celery import Celery
from django.db import connection
from django.test import Client

from inro.broker import register as register_embedded_broker
from inro.common import health
from inro.common.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_ready_names_its_parts(own_files):
    answer = Client().get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok", "queue": "ok", "storage": "ok"},
        "last_tick": None,
    }
    assert [path for path in own_files.rglob("*") if path.is_file()] == []


def test_ready_shows_the_last_tick():
    Heartbeat.beat("tick")
    assert Client().get("/health/ready").json()["last_tick"].startswith("20")


@pytest.mark.parametrize("part", ["database", "queue", "storage"])
def test_failing_part_is_named_with_503(monkeypatch, part):
    def fail():
        raise OSError("gone")

    monkeypatch.setitem(health.CHECKS, part, fail)
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failing"
    assert [n for n, state in answer.json()["checks"].items() if state != "ok"] == [part]
    assert "gone" not in answer.text


@pytest.mark.parametrize("place", ["inro-sqlite://", "redis://127.0.0.1:1/0"])
def test_queue_in_an_unusable_place_is_noticed(monkeypatch, tmp_path, place):
    blocked = tmp_path / "file"
    blocked.write_text("")
    register_embedded_broker()
    app = Celery("elsewhere", broker=place, set_as_current=False)
    app.conf.broker_transport_options = {"path": str(blocked / "queue.sqlite3")}
    monkeypatch.setattr("inro.celery.app", app)
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "queue": "failing", "storage": "ok"}


def test_full_or_missing_storage_is_noticed(settings, tmp_path):
    (tmp_path / "file").write_text("")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "file")},
        },
    }
    assert Client().get("/health/ready").json()["checks"]["storage"] == "failing"


def test_live_needs_nothing(django_assert_num_queries):
    connection.ensure_connection()
    with django_assert_num_queries(0):
        assert Client().get("/health/live").status_code == 200
