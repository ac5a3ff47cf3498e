"""The environment: every reader, every line of `.env.example`, and what stops a start."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from inro import env
from tests.waiting import COMMAND_SECONDS

ROOT = Path(__file__).parent.parent


def settings_of(tmp_path: Path, expression: str, **environment: str) -> subprocess.CompletedProcess:
    """`expression` of `settings`, read in a fresh process with this environment only."""
    given = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(tmp_path / "data")}
    code = f"from django.conf import settings; print({expression})"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**given, "DJANGO_SETTINGS_MODULE": "inro.settings", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )


@pytest.mark.parametrize(
    ("reader", "value", "words"),
    [
        (lambda: env.flag("X_TEST"), "maybe", "X_TEST must be 1 or 0"),
        (lambda: env.integer("X_TEST", 1), "ten", "X_TEST must be a whole number"),
        (lambda: env.integer("X_TEST", 1, low=1), "0", "X_TEST must be at least 1"),
        (lambda: env.integer("X_TEST", 1, low=1, high=5), "6", "X_TEST must be from 1 to 5"),
        (lambda: env.seconds("X_TEST", 1), "-1", "X_TEST must not be negative"),
        (lambda: env.seconds("X_TEST", 1), "inf", "X_TEST must not be negative or endless"),
        (lambda: env.seconds("X_TEST", 1), "soon", "X_TEST must be a number of seconds"),
        (lambda: env.ports("X_TEST", "80"), "80,http", "X_TEST must be ports"),
        (lambda: env.ports("X_TEST", "80"), "70000", "outside 1–65535"),
        (lambda: env.choice("X_TEST", "a", ("a", "b")), "c", "X_TEST must be one of a, b"),
        (lambda: env.url("X_TEST", ""), "ftp://example.com", "X_TEST must be a URL"),
        (lambda: env.rate("X_TEST", "60/min"), "many", "X_TEST must look like 60/min"),
        (lambda: env.rate("X_TEST", "60/min"), "0/min", "X_TEST must look like 60/min"),
        (lambda: env.rate("X_TEST", "60/min"), "²/min", "X_TEST must look like 60/min"),
        (lambda: env.rate("X_TEST", "60/min"), "60/week", "X_TEST must look like 60/min"),
    ],
)
def test_bad_value_names_its_variable(monkeypatch, reader, value, words):
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match=re.escape(words)):
        reader()


def test_good_values_are_typed(monkeypatch):
    monkeypatch.setenv("X_TEST", "8s")
    assert env.seconds("X_TEST", 1) == 8.0
    monkeypatch.setenv("X_TEST", "a, b ,,c")
    assert env.words("X_TEST") == ["a", "b", "c"]
    monkeypatch.setenv("X_TEST", "https://example.com/base/")
    assert env.url("X_TEST", "") == "https://example.com/base"


def test_secret_from_file(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("from-a-file\n")
    monkeypatch.setenv("X_TEST_FILE", str(tmp_path / "key"))
    assert env.secret("X_TEST") == "from-a-file"
    monkeypatch.setenv("X_TEST", "direct")
    assert env.secret("X_TEST") == "direct"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("SECRET_KEY", "from-a-file", "settings.SECRET_KEY"),
        ("ENCRYPTION_KEYS", f"{'a' * 43}=,{'b' * 42}A=", "','.join(settings.ENCRYPTION_KEYS)"),
        ("DATABASE_URL", "postgres://u:pw@h/n", "settings.DATABASES['default']['PASSWORD']"),
        (
            "STORAGE_URL",
            "s3://key:pw@host/files",
            "settings.STORAGES['default']['OPTIONS']['secret_key']",
        ),
    ],
)
def test_secrets_may_stand_in_files(tmp_path, name, value, shown):
    (tmp_path / "secret").write_text(f"{value}\n")
    direct = settings_of(tmp_path, shown, **{name: value})
    assert direct.stdout.strip() in value
    by_file = settings_of(tmp_path, shown, **{f"{name}_FILE": str(tmp_path / "secret")})
    assert (by_file.stdout, by_file.stderr) == (direct.stdout, "")
    missing = settings_of(tmp_path, shown, **{f"{name}_FILE": str(tmp_path / "none")})
    assert f"{name}_FILE cannot be read" in missing.stderr


def test_generated_secret_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "deep" / "secret"
    first = env.generated_secret(path)
    assert len(first) > 40
    assert env.generated_secret(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_example_file_states_the_defaults(tmp_path):
    """Setting every line of `.env.example` changes nothing."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    stated = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    stated["DATA_DIR"] = str(tmp_path / "data")
    names = [
        "HOST", "PORT", "WEB_THREADS", "PUBLIC_URL", "DEBUG", "MEDIA_MAX_BYTES",
        "MEDIA_DOWNLOAD_WAIT", "MEDIA_DOWNLOAD_TIMEOUT", "OUTGOING_PORTS", "OUTGOING_ALLOW_HOSTS",
        "UNCONFIRMED_AFTER", "LOG_FORMAT", "LOG_LEVEL", "API_RATE_LIMIT",
        "RETAIN_EVENTS_DAYS", "RETAIN_STEPS_DAYS", "RETAIN_FAILED_MEDIA_DAYS",
        "RETAIN_DELETED_MEDIA_DAYS", "METRICS_ALLOW",
    ]  # fmt: skip
    shown = f"[getattr(settings, name) for name in {names!r}]"
    bare = settings_of(tmp_path, shown)
    assert bare.returncode == 0, bare.stderr
    assert settings_of(tmp_path, shown, **stated).stdout == bare.stdout


def test_every_variable_read_is_in_the_example():
    source = (ROOT / "inro" / "settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)) - {"ENV_FILE"}
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert read == documented - {"POSTGRES_PASSWORD", "WEB_PROCESSES"}


def test_public_address_needs_a_secret_key_of_its_own(tmp_path):
    refused = settings_of(tmp_path, "settings.DEBUG", PUBLIC_URL="https://chat.example.com")
    assert refused.returncode != 0
    assert "SECRET_KEY (or SECRET_KEY_FILE) must be set" in refused.stderr
    assert not (tmp_path / "data" / "secret_key").exists()
    taken = settings_of(
        tmp_path, "settings.DEBUG", PUBLIC_URL="https://chat.example.com", SECRET_KEY="x" * 50
    )
    assert taken.stdout.strip() == "False", taken.stderr


def test_https_address_secures_the_cookies(tmp_path):
    shown = "settings.SESSION_COOKIE_SECURE, settings.CSRF_TRUSTED_ORIGINS"
    found = settings_of(tmp_path, shown, PUBLIC_URL="https://a.example.com", SECRET_KEY="x" * 50)
    assert found.stdout.strip() == "True ['https://a.example.com']"
    assert settings_of(tmp_path, shown).stdout.strip() == "False ['http://127.0.0.1:8000']"


def test_postgres_and_redis_are_taken_from_their_urls(tmp_path):
    shown = "settings.DATABASES['default']['ENGINE'], settings.CELERY_BROKER_URL"
    found = settings_of(
        tmp_path,
        shown,
        DATABASE_URL="postgres://u:p@127.0.0.1:5432/inro",
        REDIS_URL="redis://127.0.0.1:6379/3",
    )
    assert "postgresql" in found.stdout, found.stderr
    assert "redis://127.0.0.1:6379/3" in found.stdout


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ENCRYPTION_KEYS", "abc", "ENCRYPTION_KEYS: key 1 must be 32 bytes"),
        ("INSTAGRAM_API_URL", "foo", "INSTAGRAM_API_URL must be a URL"),
        ("REDIS_URL", "foo", "REDIS_URL must be a URL"),
        ("CELERY_BROKER_URL", "nonsense://x", "CELERY_BROKER_URL must be a URL"),
        ("OUTGOING_ALLOW_HOSTS", "http://x", "OUTGOING_ALLOW_HOSTS must hold host:port"),
        ("OUTGOING_ALLOW_HOSTS", "x:99999", "OUTGOING_ALLOW_HOSTS must hold host:port"),
        ("DATABASE_URL", "garbage", "DATABASE_URL must be a URL like postgres://"),
        ("STORAGE_URL", "ftp://host/files", "STORAGE_URL must look like s3://"),
        ("STORAGE_URL", "s3:///files", "STORAGE_URL must name the region"),
        ("PORT", "99999", "PORT must be from 1 to 65535"),
        ("RETAIN_EVENTS_DAYS", "-1", "RETAIN_EVENTS_DAYS must be from 0 to 36500"),
        ("METRICS_ALLOW", "10.0.0.0/99", "METRICS_ALLOW must hold networks like 10.0.0.0/8"),
        ("SENTRY_DSN", "abc", "SENTRY_DSN must be a URL"),
    ],
)
def test_bad_value_stops_the_start(tmp_path, name, value, words):
    stopped = settings_of(tmp_path, "settings.DEBUG", **{name: value})
    assert stopped.returncode != 0
    assert words in stopped.stderr


def test_a_secret_may_begin_with_a_dollar(tmp_path):
    found = settings_of(tmp_path, "settings.SECRET_KEY", SECRET_KEY="$HOME")
    assert found.stdout.strip() == "$HOME"
