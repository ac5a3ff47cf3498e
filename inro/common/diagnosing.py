"""What `doctor` asks: checks that each app registers for what it knows, each with findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

import structlog

from inro.common.registry import Registry

log = structlog.get_logger(__name__)


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but not as it should for long
    PROBLEM = "problem"  # something does not work


@dataclass(frozen=True)
class Finding:
    """What is the case and what that means; `remedy` is how to mend it."""

    level: Level
    message: str
    remedy: str = ""


def ok(message: str) -> Finding:
    return Finding(Level.OK, message)


def warning(message: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, message, remedy)


def problem(message: str, remedy: str) -> Finding:
    return Finding(Level.PROBLEM, message, remedy)


@dataclass(frozen=True)
class Check:
    """`run()` looks at one part. Those that read rows are left out while there are none to read.

    `network`: it calls out, and is made only when that is asked for.
    """

    name: str
    run: Callable[[], Iterable[Finding]]
    reads_rows: bool = True
    network: bool = False


CHECKS: Registry[Check] = Registry("checks", key=lambda check: check.name)
DATABASE = "database"


def examine(network: bool = False) -> list[tuple[str, Finding]]:
    """Every finding with the name of its check; a check that breaks is a finding too."""
    found: list[tuple[str, Finding]] = []
    rows_are_there = True
    for check in CHECKS:
        if (check.network and not network) or (check.reads_rows and not rows_are_there):
            continue
        findings = _run(check)
        found += [(check.name, each) for each in findings]
        if check.name == DATABASE:
            rows_are_there = all(each.level != Level.PROBLEM for each in findings)
    return found


def _run(check: Check) -> list[Finding]:
    try:
        return list(check.run())
    except Exception as error:
        log.debug("check failed", check=check.name, exc_info=True)
        return [
            problem(
                f"This could not be looked at: {type(error).__name__}.",
                "Run it again with LOG_LEVEL=DEBUG to see where it stopped.",
            )
        ]
