"""`compose.yaml` and `Dockerfile`: every name in them means something."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import resolve

from inro.accounts.management.commands.runall import processes
from tests.journeys.composed import COMPOSE, OWN, REFERENCES, SERVICES, filled_in
from tests.test_settings import ROOT, settings_of

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
PINNED = re.compile(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+")
DEFAULTS = {"PUBLIC_URL": "https://chat.example.com", "POSTGRES_PASSWORD": "x"}
BASES = {"postgres", "redis"}


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


def command(service: str) -> list[str]:
    return [filled_in(each, DEFAULTS) for each in OWN[service]["command"]]


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def test_the_services_are_those_of_the_document():
    assert SERVICES.keys() - OWN.keys() == BASES
    assert OWN.keys() == {"migrate", "web", "worker", "media", "beat"}
    operations = (ROOT / "docs" / "operations.md").read_text()
    section = operations.split("## Production with Docker Compose", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == SERVICES.keys()


def test_images_are_pinned():
    for name in BASES:
        assert PINNED.fullmatch(SERVICES[name]["image"])
    (base,) = instructions("FROM")
    assert PINNED.fullmatch(base)
    assert re.match(r"python:3\.1[123]\.", base)


def test_the_document_prints_the_same_commands():
    operations = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"```sh\n(python manage.py migrate.*?)```", operations, re.DOTALL)
    commands = [line.split() for line in block.splitlines()]
    web = [{"0.0.0.0": "127.0.0.1"}.get(each, each) for each in command("web")]
    assert commands == [
        command("migrate"),
        web,
        command("worker"),
        command("media"),
        command("beat"),
    ]


@pytest.mark.parametrize("service", OWN)
def test_commands_exist(service: str):
    program, *arguments = command(service)
    assert Path(sys.executable).with_name(program).exists()
    if program == "python":
        assert arguments[0] == "manage.py"
        assert arguments[1] in get_commands()


def test_processes_are_started_as_on_one_machine():
    """What `make run` starts and what the services start differ in address and number only."""
    alone = {child.name: child.command[2:] for child in processes()}
    assert command("worker") == alone["worker"]
    assert command("media") == alone["media"]
    web, other = command("web"), alone["web"]
    for name in ("--host", "--port", "--workers"):
        other[other.index(name) + 1] = option(web, name)
    assert web == other
    assert option(web, "--blocking-threads") == str(settings.WEB_THREADS)


def test_every_queue_has_one_service():
    taken = [
        queue for name in ("worker", "media") for queue in option(command(name), "-Q").split(",")
    ]
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert len(taken) == len(set(taken))
    assert routed | {settings.CELERY_TASK_DEFAULT_QUEUE} <= set(taken)


def test_variables_are_settings():
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    stated = {name for each in OWN.values() for name in each["environment"]}
    assert stated | REFERENCES.keys() <= documented
    assert {name for name, kind in REFERENCES.items() if kind == ":?"} == {
        "PUBLIC_URL",
        "POSTGRES_PASSWORD",
    }


def test_the_environment_file_of_the_document_is_enough(tmp_path: Path):
    operations = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"```sh\n# \.env\n(.*?)```", operations, re.DOTALL)
    dotenv = dict(line.split("=", 1) for line in block.splitlines() if line)
    assert {"PUBLIC_URL", "POSTGRES_PASSWORD", "SECRET_KEY"} == dotenv.keys()
    stated: dict[str, Any] = OWN["web"]["environment"]
    given = dotenv | {name: filled_in(value, dotenv) for name, value in stated.items()}
    given["DATA_DIR"] = str(tmp_path / "data")
    shown = """settings.DATABASES['default']['PASSWORD'], settings.CELERY_BROKER_URL,
        settings.PUBLIC_URL, settings.ALLOWED_HOSTS[0], '*' in settings.ALLOWED_HOSTS"""
    found = settings_of(tmp_path, shown, **given)
    assert found.stdout.split() == [
        dotenv["POSTGRES_PASSWORD"],
        "redis://redis:6379/0",
        dotenv["PUBLIC_URL"],
        dotenv["PUBLIC_URL"].removeprefix("https://"),
        "False",
    ], found.stderr


def test_health_is_asked_where_it_is_answered():
    asked = OWN["web"]["healthcheck"]["test"][-1]
    ((host, path),) = re.findall(r'urlopen\("http://([^/:]+):8000(/[^"]*)"', asked)
    assert host in settings.ALLOWED_HOSTS
    assert resolve(path).func.__name__ == "ready"
    assert option(command("web"), "--port") == "8000"
    assert OWN["web"]["environment"]["PORT"] == "8000"


def test_only_web_is_published():
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert published.keys() == {"web"}
    assert [filled_in(each, {}) for each in published["web"]] == ["127.0.0.1:8000:8000"]


def test_volumes_are_declared_and_hold_the_data():
    mounted = {
        name: dict(each.split(":") for each in service.get("volumes", []))
        for name, service in SERVICES.items()
    }
    assert {volume for each in mounted.values() for volume in each} == COMPOSE["volumes"].keys()
    for name, each in OWN.items():
        assert mounted[name] == {"data": each["environment"]["DATA_DIR"]} == {"data": "/data"}
    assert mounted["redis"] == {}, "what is in Redis may be lost"


def test_ours_start_after_what_they_need():
    for name, each in OWN.items():
        healthy = {n for n, c in each["depends_on"].items() if c["condition"] == "service_healthy"}
        rest = {n: c["condition"] for n, c in each["depends_on"].items() if n not in healthy}
        assert all("healthcheck" in SERVICES[other] for other in healthy)
        assert healthy == ({"postgres"} if name == "migrate" else BASES)
        assert rest == ({} if name == "migrate" else {"migrate": "service_completed_successfully"})
        assert each["restart"] == ("no" if name == "migrate" else "unless-stopped")


def test_image_holds_what_the_product_is_made_of():
    copied = {word for line in instructions("COPY") for word in line.split()[:-1]}
    assert all((ROOT / each).exists() for each in copied)
    ours = {
        app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()
    }
    assert copied == ours | {"templates", "manage.py", "requirements.txt"}
    kept = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")
    }
    assert kept == copied


def test_image_runs_as_nobody_special():
    steps = re.findall(r"^([A-Z]+) (.*)$", DOCKERFILE, re.MULTILINE)
    names = [name for name, _ in steps]
    (user,) = instructions("USER")
    assert user == "inro"
    assert names.index("USER") < names.index("CMD")
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")
    assert "requirements.txt" in instructions("RUN")[1]
    assert not any("user" in each for each in OWN.values())


def test_image_alone_is_a_web_process():
    (line,) = instructions("CMD")
    web = command("web")
    web[web.index("--workers") + 1] = "1"
    assert json.loads(line) == web
