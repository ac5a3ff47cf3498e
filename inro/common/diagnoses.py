"""What the floor can say of itself: settings, data folder, queue, storage, worker, clock."""

import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from inro import env
from inro.common import addresses, databases, queues
from inro.common.diagnosing import CHECKS, DATABASE, Check, Finding, ok, problem, warning
from inro.common.measuring import BACKLOGS, waits_for
from inro.common.models import Heartbeat
from inro.common.storing import folder_of

SHORTEST_SECRET = 32
LITTLE_SPACE, TOO_LITTLE_SPACE = 2 * 1024**3, 200 * 1024**2
MANY_TASKS = 10_000
# The clock ticks every two seconds.
STALE_TICK = timedelta(seconds=30)
AHEAD = timedelta(seconds=5)
LATE_SECONDS, TOO_LATE_SECONDS = 60, 600
START = "Start it: make run"


def register() -> None:
    for check in (
        Check("settings", check_settings, reads_rows=False),
        Check("data folder", check_data_folder, reads_rows=False),
        Check(DATABASE, databases.check, reads_rows=False),
        Check("queue", check_queue, reads_rows=False),
        Check("storage", check_storage, reads_rows=False),
        Check("worker", check_worker),
        Check("backlog", check_backlogs),
    ):
        CHECKS.add(check)


def check_settings() -> Iterator[Finding]:
    if settings.DEBUG and is_public(settings.PUBLIC_URL):
        yield problem("DEBUG is on at a public address: errors show code and data.", "Set DEBUG=0.")
    if len(settings.SECRET_KEY) < SHORTEST_SECRET:
        yield warning(
            f"SECRET_KEY has {len(settings.SECRET_KEY)} characters and could be guessed.",
            f"Set one of {SHORTEST_SECRET} or more, the old one in SECRET_KEY_FALLBACKS.",
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield warning(
            "It listens on all addresses and takes requests for any host name.",
            "Set PUBLIC_URL to the address that people use.",
        )
    yield from _of_the_dotenv(Path(env.text("ENV_FILE", str(settings.BASE_DIR / ".env"))))
    yield ok(f"Reached at {settings.PUBLIC_URL}.")


def is_public(url: str) -> bool:
    """Whether a machine elsewhere could mean this one by `url`."""
    host = urlsplit(url).hostname or ""
    try:
        address = addresses.literal(host)
    except ValueError:
        return False
    if address is not None:
        return addresses.is_public(address)
    return "." in host and not host.endswith((".localhost", ".local", ".internal"))


def _of_the_dotenv(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        return
    if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield warning(
            f"Other users of this machine can read {path}.", f"Close it: chmod 600 {path}"
        )
    example = settings.BASE_DIR / ".env.example"
    known = set(re.findall(r"^#?([A-Z_]+)=", example.read_text(), re.MULTILINE))
    known |= {f"{name}_FILE" for name in known}
    given = re.findall(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", path.read_text(), re.MULTILINE)
    for name in sorted(set(given) - known):
        if not name.startswith("AWS_"):
            yield warning(
                f"{path.name} sets {name}, which is no setting.", "Compare it with .env.example."
            )


def check_data_folder() -> Iterator[Finding]:
    folder = Path(settings.DATA_DIR)
    probe = folder / f".doctor.{secrets.token_hex(4)}"
    try:
        probe.write_bytes(b"ok")
        probe.unlink()
    except OSError as error:
        yield problem(
            f"{folder} cannot be written to ({error.strerror}).",
            "Give it to the user who runs the product, and free space on its disk.",
        )
        return
    if folder.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH):
        yield warning(f"Other users of this machine can enter {folder}.", f"chmod 700 {folder}")
    for name in ("secret_key", "encryption_key"):
        key = folder / name
        if key.exists() and key.stat().st_mode & 0o077:
            yield problem(f"Other users of this machine can read {key}.", f"chmod 600 {key}")
    yield _space(shutil.disk_usage(folder).free)


def _space(free: int) -> Finding:
    text = f"{free / 1024**3:.1f} GiB are free for {settings.DATA_DIR}."
    remedy = "Free space, or move DATA_DIR to a larger disk."
    if free < max(TOO_LITTLE_SPACE, settings.MEDIA_MAX_BYTES):
        return problem(f"{text} The next file may not fit.", remedy)
    return warning(text, remedy) if free < LITTLE_SPACE else ok(text)


def check_queue() -> Iterator[Finding]:
    try:
        sizes = queues.waiting()
    except Exception as error:
        yield problem(
            f"The queue does not answer ({type(error).__name__}); nothing is started in time.",
            "Check REDIS_URL or CELERY_BROKER_URL, or that DATA_DIR can be written to.",
        )
        return
    name, size = max(sizes.items(), key=lambda item: item[1])
    if size > MANY_TASKS:
        yield warning(
            f"{size:,} tasks wait in the queue {name}.", f"Run another worker with -Q {name}."
        )
    else:
        yield ok(f"It answers; {sum(sizes.values()):,} tasks wait.")


def check_storage() -> Iterator[Finding]:
    content = secrets.token_bytes(16)
    try:
        name = default_storage.save(f"health/{secrets.token_hex(8)}", ContentFile(content))
        with default_storage.open(name) as file:
            same = file.read() == content
        default_storage.delete(name)
    except Exception as error:
        yield problem(
            f"Files cannot be stored, read and removed ({_kind_of(error)}).", _storage_remedy(error)
        )
        return
    if same:
        yield ok("Files can be stored, read and removed.")
    else:
        yield problem("A file came back changed.", "Check the disk or the service behind it.")
    yield from _left_behind()


def _kind_of(error: Exception) -> str:
    """Services tell what is wrong by a code; the rest of what they say may hold anything."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or type(error).__name__)


def _storage_remedy(error: Exception) -> str:
    if folder_of(default_storage):
        return "Check the rights and the space of DATA_DIR/media."
    from inro.common.bucket import remedy_for  # boto3 takes half a second to load

    return remedy_for(error) or "Check STORAGE_URL and the service behind it."


def _left_behind() -> Iterator[Finding]:
    """Files of this machine that nobody looks for here any more."""
    folder = Path(settings.DATA_DIR) / "media"
    if not folder_of(default_storage) and any(path.is_file() for path in folder.rglob("*")):
        yield warning(
            f"STORAGE_URL names a bucket, and there are files in {folder}.",
            "Bring those that are missing there: manage.py move_media --from local --delete; then "
            "remove the folder.",
        )


def check_worker() -> Iterator[Finding]:
    tick, now = Heartbeat.last("tick"), timezone.now()
    if tick is None:
        yield warning("No worker has ever run on this data.", START)
    elif tick > now + AHEAD:
        yield problem(
            f"The last tick lies {(tick - now).total_seconds():.0f} s ahead: a clock was set back, "
            "and what is due waits until then.",
            "Keep the clock of every machine by NTP.",
        )
    elif tick > now - STALE_TICK:
        yield ok(f"A worker ticked {(now - tick).total_seconds():.0f} s ago.")
    elif _is_stopped():
        yield warning(f"It is not running; it last did at {tick:%Y-%m-%d %H:%M} UTC.", START)
    else:
        yield problem(
            f"The web server runs, but no worker has ticked since {tick:%Y-%m-%d %H:%M:%S} UTC: "
            "nothing is sent or answered.",
            "Start the worker and the clock again, and read what they log.",
        )


def _is_stopped() -> bool:
    """Whether this is the built-in way to run, where one start is all, and it is not started."""
    if not settings.CELERY_BROKER_URL.startswith("inro-sqlite"):
        return False
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    with closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, settings.PORT)) != 0


def check_backlogs() -> Iterator[Finding]:
    now = timezone.now()
    for each in BACKLOGS:
        seconds = waits_for(each, now)
        text = f"The oldest of the {each.name} has been due for {seconds:,.0f} s."
        remedy = "See whether workers run and what they log; if they do, run more of them."
        if seconds > TOO_LATE_SECONDS:
            yield problem(text, remedy)
        elif seconds > LATE_SECONDS:
            yield warning(text, remedy)
        else:
            yield ok(f"No {each.name} are late.")
