"""`manage.py doctor`: each broken state is found, named, and costs the exit code what it should."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone
from pytest_httpserver import HTTPServer

from inro.common import databases, diagnoses, diagnosing, queues
from inro.common.diagnosing import CHECKS, Check, Finding, Level, examine
from inro.common.models import Heartbeat
from messaging.connecting import connect_channel
from messaging.models import Channel, Event
from tests.conftest import keep_files_at
from tests.object_storage import ObjectStorage

pytestmark = pytest.mark.django_db
Found = Callable[[str], list[tuple[str, str]]]
INSTAGRAM = {"account_id": "1784", "access_token": "IGAA-secret-token", "app_secrets": ["s" * 32]}


@pytest.fixture(autouse=True)
def sound(settings: Any, tmp_path: Path, workspace: Any) -> None:
    """A product in order: every check says ok, until a test breaks something."""
    settings.DATA_DIR = tmp_path
    tmp_path.chmod(0o700)
    settings.SECRET_KEY = "s" * 50
    settings.PUBLIC_URL = "https://chat.example.com"
    settings.MEDIA_MAX_BYTES = 1
    connect_channel(workspace, "sandbox", "Sandbox", {})
    Heartbeat.beat("tick")


def found(check: str) -> list[tuple[str, str]]:
    return [(each.level.value, each.message) for name, each in examine() if name == check]


def only(check: str) -> tuple[str, str]:
    """The one finding of `check` that is not ok; every such finding says how to mend it."""
    findings = [each for name, each in examine() if name == check and each.level != Level.OK]
    assert [each for each in findings if not each.remedy] == []
    (finding,) = findings
    return finding.level.value, finding.message


def test_all_is_well(capsys: pytest.CaptureFixture[str]):
    call_command("doctor", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert {each["level"] for each in shown} == {"ok"}
    assert {each["check"] for each in shown} == set(CHECKS.keys()) - {"network", "public address"}
    assert set(shown[0]) == {"check", "level", "message", "remedy"}


def test_a_problem_costs_the_exit_code_and_a_warning_does_not(
    settings: Any, capsys: pytest.CaptureFixture[str]
):
    settings.SECRET_KEY = "short"
    call_command("doctor")
    assert "warning  settings: SECRET_KEY has 5 characters" in capsys.readouterr().out
    settings.DEBUG = True
    with pytest.raises(CommandError, match="1 to mend"):
        call_command("doctor")
    shown = capsys.readouterr().out
    assert "PROBLEM  settings: DEBUG is on at a public address" in shown
    assert "         Set DEBUG=0.\n" in shown
    with pytest.raises(CommandError, match="1 to mend"):
        call_command("doctor", "--json")
    assert {"problem", "warning", "ok"} == {
        each["level"] for each in json.loads(capsys.readouterr().out)
    }


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://chat.example.com", True),
        ("http://8.8.8.8:8000", True),
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("http://192.168.1.5", False),
        ("http://localhost", False),
        ("http://box.local", False),
        ("http://box", False),
    ],
)
def test_what_is_a_public_address(url: str, public: bool):
    assert diagnoses.is_public(url) is public


class TestSettings:
    def test_any_host_name(self, settings: Any):
        settings.ALLOWED_HOSTS = ["*"]
        assert only("settings")[0] == "warning"

    def test_dotenv_that_others_read_and_a_name_that_is_no_setting(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        dotenv = tmp_path / "env"
        dotenv.write_text("RETAIN_EVENT_DAYS=3\nexport PORT=1\nSECRET_KEY_FILE=x\nAWS_X=1\n#X=1\n")
        dotenv.chmod(0o600)
        monkeypatch.setenv("ENV_FILE", str(dotenv))
        assert only("settings") == ("warning", "env sets RETAIN_EVENT_DAYS, which is no setting.")
        dotenv.write_text("PORT=1\n")
        dotenv.chmod(0o640)
        assert only("settings")[1].startswith("Other users of this machine can read")


class TestDataFolder:
    def test_cannot_be_written(self, settings: Any, tmp_path: Path):
        settings.DATA_DIR = tmp_path / "gone"
        level, message = only("data folder")
        assert (level, "cannot be written to (No such file" in message) == ("problem", True)

    def test_open_to_others(self, tmp_path: Path):
        tmp_path.chmod(0o755)
        assert only("data folder")[1].startswith("Other users of this machine can enter")

    @pytest.mark.parametrize("name", ["secret_key", "encryption_key"])
    def test_key_open_to_others(self, tmp_path: Path, name: str):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o640)
        level, message = only("data folder")
        assert (level, name in message) == ("problem", True)

    @pytest.mark.parametrize(
        ("free", "most", "level"),
        [
            (3 * 1024**3, 1, "ok"),
            (1024**3, 1, "warning"),
            (100 * 1024**2, 1, "problem"),
            (1024**3, 2 * 1024**3, "problem"),
        ],
    )
    def test_space(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch, free: int, most: int, level: str
    ):
        settings.MEDIA_MAX_BYTES = most
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
        assert [each[0] for each in found("data folder")] == [level]


class TestDatabase:
    def test_out_of_reach_leaves_out_what_reads_rows(self, monkeypatch: pytest.MonkeyPatch):
        def fail() -> Any:
            raise DatabaseError("password=secret")

        monkeypatch.setattr("inro.common.databases.connection.cursor", fail)
        assert found("database") == [("problem", "It cannot be reached (DatabaseError).")]
        names = {name for name, _ in examine()}
        assert names == {"settings", "data folder", "database", "queue", "storage"}
        assert "secret" not in str(examine())

    def test_migrations_that_are_missing_or_newer(self):
        names = [name for app, name in databases.applied_migrations() if app == "automations"]
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE app = 'automations'")
        missing = f"Migrations that are not applied: {len(names)}, "
        missing += f"the first is automations.{names[0]}."
        assert only("database")[1].startswith(missing)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)",
                ["messaging", "9999_future", timezone.now()],
            )
        level, message = only("database")
        assert (level, "messaging.9999_future" in message) == ("problem", True)

    def test_rows_of_an_app_that_has_gone_are_no_newer_version(self):
        assert databases.unknown([("an_old_package", "0001_initial")]) == []
        assert databases.unknown([("messaging", "0001_initial")]) == []

    @pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
    def test_sqlite_set_up_otherwise(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(databases._PRAGMAS, "journal_mode", "delete")
        assert only("database")[1].startswith("SQLite's journal_mode is 'wal' and not 'delete'")

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL")
    def test_postgresql_too_old_or_with_another_clock(
        self, monkeypatch: pytest.MonkeyPatch, time_machine: Any
    ):
        monkeypatch.setattr(databases, "OLDEST_POSTGRESQL", 99)
        assert only("database")[0] == "problem"
        monkeypatch.undo()
        time_machine.move_to(timezone.now() - timedelta(minutes=5))
        assert "Its clock is +" in only("database")[1]


class TestQueueAndStorage:
    def test_queue_does_not_answer(self, monkeypatch: pytest.MonkeyPatch):
        def fail() -> Any:
            raise OSError("redis://user:password@host")

        monkeypatch.setattr(queues, "waiting", fail)
        level, message = only("queue")
        assert (level, "OSError" in message, "password" in message) == ("problem", True, False)

    def test_many_tasks(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(queues, "waiting", lambda: {"default": 3, "media": 10_001})
        assert only("queue") == ("warning", "10,001 tasks wait in the queue media.")

    def test_storage_that_fails_or_lies(self, monkeypatch: pytest.MonkeyPatch, own_files: Path):
        monkeypatch.setattr(default_storage, "open", lambda name: ContentFile(b"other"))
        assert only("storage") == ("problem", "A file came back changed.")
        assert [path for path in own_files.rglob("*") if path.is_file()] == []

        def fail(*args: Any) -> Any:
            raise OSError("disk full")

        monkeypatch.setattr(default_storage, "save", fail)
        assert only("storage")[0] == "problem"

    def test_bucket(self, s3: ObjectStorage, own_files: Path):
        assert found("storage") == [("ok", "Files can be stored, read and removed.")]
        assert s3.names() == []
        own_files.mkdir(exist_ok=True)
        (own_files / "forgotten").write_bytes(b"x")
        level, message = only("storage")
        assert (level, "there are files in" in message) == ("warning", True)

    @pytest.mark.parametrize(
        ("url", "code", "remedy"),
        [
            ("s3://k:s@127.0.0.1:{port}/not-there?tls=0", "NoSuchBucket", "Make the bucket"),
            ("s3://k:s@127.0.0.1:1/inro-files?tls=0", "EndpointConnectionError", "Check host"),
        ],
    )
    def test_bucket_that_is_not_reached(
        self, s3: ObjectStorage, settings: Any, url: str, code: str, remedy: str
    ):
        keep_files_at(settings, url.format(port=s3.port))
        (finding,) = [each for name, each in examine() if name == "storage"]
        assert (finding.level, f"({code})" in finding.message) == ("problem", True), finding
        assert finding.remedy.startswith(remedy)


class TestWorker:
    @pytest.fixture
    def web(self, settings: Any) -> Iterator[socket.socket]:
        settings.CELERY_BROKER_URL = "inro-sqlite://localhost"
        with socket.socket() as web:
            web.bind(("127.0.0.1", 0))
            settings.HOST, settings.PORT = web.getsockname()
            web.listen()
            yield web

    def tick(self, ago: timedelta) -> None:
        Heartbeat.objects.update(at=timezone.now() - ago)

    def test_never_ran(self):
        Heartbeat.objects.all().delete()
        assert only("worker") == ("warning", "No worker has ever run on this data.")

    def test_dead_beside_a_living_web_server(self, web: socket.socket):
        self.tick(timedelta(seconds=29))
        assert found("worker")[0][0] == "ok"
        self.tick(timedelta(seconds=31))
        level, message = only("worker")
        assert (level, "no worker has ticked since" in message) == ("problem", True)

    def test_all_stopped_is_no_problem(self, web: socket.socket):
        self.tick(timedelta(hours=1))
        web.close()
        level, message = only("worker")
        assert (level, message.startswith("It is not running")) == ("warning", True)

    def test_dead_where_each_process_runs_alone(self, web: socket.socket, settings: Any):
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:6379/0"
        web.close()
        self.tick(timedelta(hours=1))
        assert only("worker")[0] == "problem"

    def test_clock_set_back(self):
        self.tick(timedelta(seconds=-100))
        level, message = only("worker")
        assert (level, "a clock was set back" in message) == ("problem", True)


@pytest.mark.parametrize(("age", "level"), [(50, "ok"), (70, "warning"), (700, "problem")])
def test_backlog(age: int, level: str):
    channel = Channel.objects.get()
    since = timezone.now() - timedelta(seconds=age)
    Event.objects.create(
        workspace=channel.workspace,
        channel=channel,
        key="k",
        kind="message",
        external_id="jane",
        happened_at=since,
        due_at=since,
        payload={},
    )
    about_events = [each for each in found("backlog") if "events" in each[1]]
    assert [each[0] for each in about_events] == [level]


class TestChannels:
    @pytest.fixture
    def instagram(self, workspace: Any) -> Channel:
        return connect_channel(workspace, "instagram", "Jane's Shop", INSTAGRAM)

    def test_none(self):
        Channel.objects.all().delete()
        assert only("channels") == ("warning", "There is no channel.")

    def test_connected_and_young(self, instagram: Channel):
        assert [each[0] for each in found("channels")] == ["ok", "ok"]
        assert "Jane" not in str(examine())

    def test_error_and_pause(self, instagram: Channel):
        Channel.objects.filter(pk=instagram.pk).update(
            status="error", status_reason="The token has expired."
        )
        expected = f"Channel {instagram.pk} (instagram) cannot send: The token has expired."
        assert only("channels") == ("problem", expected)
        Channel.objects.filter(pk=instagram.pk).update(status="paused")
        assert only("channels")[0] == "warning"

    def test_silent_for_long(self, instagram: Channel):
        long_ago = timezone.now() - timedelta(days=8)
        Channel.objects.update(created_at=long_ago)
        level, message = only("channels")
        assert (level, message.endswith("has told us nothing ever.")) == ("warning", True)
        event = Event.objects.create(
            workspace=instagram.workspace,
            channel=instagram,
            key="k",
            kind="other",
            happened_at=long_ago,
            payload={},
            status="ignored",
        )
        assert [each[0] for each in found("channels")] == ["ok", "ok"]
        Event.objects.filter(pk=event.pk).update(created_at=long_ago)
        assert f"nothing since {long_ago:%Y-%m-%d}." in only("channels")[1]

    def test_kind_that_this_version_does_not_have(self, instagram: Channel):
        Channel.objects.filter(pk=instagram.pk).update(kind="telegraph")
        assert only("channels")[0] == "problem"

    def test_lost_and_older_keys(self, instagram: Channel, settings: Any):
        old = settings.ENCRYPTION_KEYS
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old]
        assert only("keys") == ("warning", "1 channels are sealed with an older key.")
        assert [each[0] for each in found("channels")] == ["ok", "ok"]
        settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
        assert only("keys")[0] == "problem"
        assert only("channels")[0] == "problem"
        assert "IGAA-secret-token" not in str(examine())

    def test_number_of_queries_does_not_grow(
        self, workspace: Any, django_assert_max_num_queries: Any
    ):
        for n in range(20):
            options = {**INSTAGRAM, "account_id": str(n)}
            connect_channel(workspace, "instagram", f"S{n}", options)
        with django_assert_max_num_queries(25):
            assert len(found("channels")) == 21

    @pytest.mark.parametrize(
        ("url", "level"),
        [
            ("http://127.0.0.1:8000", "warning"),
            ("http://chat.example.com", "warning"),
            ("https://chat.example.com", "ok"),
        ],
    )
    def test_address_that_providers_use(
        self, instagram: Channel, settings: Any, url: str, level: str
    ):
        settings.PUBLIC_URL = url
        assert [each[0] for each in found("public address")] == [level]

    def test_sandbox_alone_needs_no_address(self, settings: Any):
        settings.PUBLIC_URL = "http://127.0.0.1:8000"
        assert found("public address") == []


class TestNetwork:
    @pytest.fixture(autouse=True)
    def within_reach(self, settings: Any, httpserver: HTTPServer) -> None:
        settings.PUBLIC_URL = httpserver.url_for("").rstrip("/")
        settings.OUTGOING_ALLOW_HOSTS = [f"{httpserver.host}:{httpserver.port}"]

    def levels(self) -> list[str]:
        return [each.level.value for name, each in examine(network=True) if name == "network"]

    def test_nothing_is_called_unasked(self, httpserver: HTTPServer):
        examine()
        assert httpserver.log == []

    def test_it_answers(self, httpserver: HTTPServer):
        httpserver.expect_request("/health/live").respond_with_json({"status": "live"})
        assert self.levels() == ["ok"]

    def test_somebody_else_answers(self, httpserver: HTTPServer):
        httpserver.expect_request("/health/live").respond_with_data("Welcome to nginx!")
        assert self.levels() == ["problem"]

    def test_nobody_answers(self, settings: Any):
        settings.OUTGOING_ALLOW_HOSTS = []
        assert self.levels() == ["problem"]


def test_a_check_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch):
    def broken() -> list[Finding]:
        raise RuntimeError("what Jane wrote")

    monkeypatch.setitem(CHECKS._items, "storage", Check("storage", broken))
    assert only("storage") == ("problem", "This could not be looked at: RuntimeError.")
    assert diagnosing.DATABASE in CHECKS
