"""What leaves for an error server: kinds and places, never words."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from inro.common.reporting import report_to, stripped
from tests.test_settings import settings_of


def test_sdk_is_set_up_without_personal_data(monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, Any]] = []
    fake = SimpleNamespace(init=lambda **options: asked.append(options))
    monkeypatch.setitem(sys.modules, "sentry_sdk", fake)
    report_to("https://key@errors.example.com/1")
    (options,) = asked
    assert options["dsn"] == "https://key@errors.example.com/1"
    assert options["send_default_pii"] is False
    assert options["include_local_variables"] is False
    assert options["max_request_body_size"] == "never"
    assert options["max_breadcrumbs"] == 0
    assert options["before_send"] is stripped


def test_missing_sdk_stops_the_start_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(ImproperlyConfigured, match='pip install "sentry-sdk>=2"'):
        report_to("https://key@errors.example.com/1")


def test_settings_take_the_dsn_to_the_reporter(tmp_path: Any):
    (tmp_path / "sentry_sdk.py").write_text("def init(**options): print(options['dsn'])")
    found = settings_of(
        tmp_path,
        "settings.SENTRY_DSN",
        SENTRY_DSN="https://key@errors.example.com/1",
        PYTHONPATH=str(tmp_path),
    )
    assert found.stdout.split() == ["https://key@errors.example.com/1"] * 2, found.stderr


def test_texts_and_addresses_are_taken_out():
    secret = "what Jane wrote"
    frame = {"filename": "receiving.py", "lineno": 7, "function": "_apply"}
    event = {
        "event_id": "e1",
        "level": "error",
        "message": secret,
        "logentry": {"message": secret},
        "request": {"url": f"https://x/l/{secret}", "data": secret},
        "user": {"email": secret},
        "extra": {"text": secret},
        "contexts": {"trace": {"data": secret}},
        "breadcrumbs": {"values": [{"message": secret}]},
        "exception": {
            "values": [
                {"type": "ValueError", "value": secret, "stacktrace": {"frames": [frame]}},
            ]
        },
    }
    assert stripped(event) == {
        "event_id": "e1",
        "level": "error",
        "exception": {"values": [{"type": "ValueError", "stacktrace": {"frames": [frame]}}]},
    }
    logged = stripped({"event_id": "e2", "logger": "inro.mcp", "message": secret})
    assert logged == {"event_id": "e2", "logger": "inro.mcp", "exception": {"values": []}}
