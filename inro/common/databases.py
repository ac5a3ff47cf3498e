"""What state the database is in: reachable, migrated, set up as the product needs it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from inro.common.diagnosing import Finding, ok, problem, warning

OLDEST_POSTGRESQL = 15
SKEW = timedelta(seconds=5)
# What each PRAGMA has to answer, see `settings`.
_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def pending_migrations(using: Any = connection) -> list[str]:
    """What `migrate` would apply, as `app.name`."""
    executor = MigrationExecutor(using)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{each.app_label}.{each.name}" for each, _ in plan]


def applied_migrations(using: Any = connection) -> list[tuple[str, str]]:
    return sorted(MigrationLoader(using).applied_migrations)


def unknown(applied: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that this program does not have: a newer one wrote them."""
    loader = MigrationLoader(None, replace_migrations=False)
    known, ours = set(loader.disk_migrations), loader.migrated_apps
    return [each for each in applied if each[0] in ours and each not in known]


def check() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        yield problem(
            f"It cannot be reached ({type(error).__name__}).",
            "Check DATABASE_URL, and that the server runs and lets this machine in.",
        )
        return
    yield from _migrations()
    yield from _sqlite() if connection.vendor == "sqlite" else _postgresql()


def _migrations() -> Iterator[Finding]:
    if newer := unknown(applied_migrations()):
        yield problem(
            f"A newer version of the product has changed it ({'.'.join(newer[-1])}).",
            "Run that version, or restore a backup that this one made.",
        )
    elif pending := pending_migrations():
        yield problem(
            f"Migrations that are not applied: {len(pending)}, the first is {pending[0]}.",
            "Apply them: .venv/bin/python manage.py migrate (make run does so itself).",
        )


def _sqlite() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        for name, expected in _PRAGMAS.items():
            cursor.execute(f"PRAGMA {name}")
            (found,) = cursor.fetchone()
            if found != expected:
                yield problem(
                    f"SQLite's {name} is {found!r} and not {expected!r}: data may be lost.",
                    "Keep DATA_DIR on a local disk; network file systems cannot do it.",
                )
        cursor.execute("SELECT sqlite_version()")
        (version,) = cursor.fetchone()
    yield ok(f"SQLite {version}.")


def _postgresql() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000, now()")
        version, now = cursor.fetchone()
    ahead = now - timezone.now()
    if version < OLDEST_POSTGRESQL:
        yield problem(
            f"PostgreSQL {version} is too old.", f"Use version {OLDEST_POSTGRESQL} or newer."
        )
    if abs(ahead) > SKEW:
        yield warning(
            f"Its clock is {ahead.total_seconds():+.0f} s from this machine's.",
            "Keep the clock of every machine by NTP.",
        )
    yield ok(f"PostgreSQL {version}.")
