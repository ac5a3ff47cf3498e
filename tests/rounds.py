"""The suite as the merge gate runs it: on what is built in, then on PostgreSQL and Redis.

`python -m tests.rounds`; arguments are handed to pytest. Which test runs in which round, and how to
name the services: docs/contributing.md.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import reduce
from pathlib import Path

import psutil
import psycopg
import redis
from slipcover import merge_coverage

DATABASE_URL = "postgres://postgres@127.0.0.1:5432"
REDIS_URL = "redis://127.0.0.1:6379/0"
# Much of the second round waits for processes that were killed.
WAITING = ["-n", "3"]
WORST = 15
# A round takes five to ten minutes. One that is still not done then says where it stands, and has
# failed.
LIMIT = 35 * 60
_PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    missing = list(unreachable())
    if missing and os.environ.get("CHECK_SERVICES") == "required":
        print("\n".join(f"Needed here: {each}" for each in missing))
        return 1
    with tempfile.TemporaryDirectory() as folder:
        # In the first round only: the second runs the same lines.
        measured = ["-p", "tests.covering"]
        if missing:
            failed = run("the embedded default", measured, arguments, COVERED=folder)
        else:
            selected = [*measured, "-m", "not kills"]
            failed = run("the embedded default", selected, arguments, COVERED=folder)
            more = [*arguments, *(WAITING if "-n" in arguments else [])]
            failed += run("PostgreSQL and Redis", ["-m", "not once"], more, **services())
        print(report(folder))
    for each in [*missing, *no_browser()]:
        print(f"Left out: {each}")
    return failed


def services() -> dict[str, str]:
    """Where they are; the name of the database is this run's own, so that two may run at once."""
    database = os.environ.get("CHECK_DATABASE_URL", DATABASE_URL)
    return {
        "DATABASE_URL": f"{database.rstrip('/')}/inro_{os.getpid()}",
        "REDIS_URL": os.environ.get("CHECK_REDIS_URL", REDIS_URL),
    }


def unreachable() -> Iterator[str]:
    """What keeps the second round from being run."""
    database = os.environ.get("CHECK_DATABASE_URL", DATABASE_URL)
    queue = os.environ.get("CHECK_REDIS_URL", REDIS_URL)
    try:
        psycopg.connect(f"{database.rstrip('/')}/postgres", connect_timeout=3).close()
    except psycopg.Error as error:
        yield f"all of PostgreSQL – CHECK_DATABASE_URL: {str(error).splitlines()[0]}"
    try:
        redis.Redis.from_url(queue, socket_connect_timeout=3).ping()
    except redis.RedisError as error:
        yield f"all of Redis – CHECK_REDIS_URL: {error}"


def no_browser() -> Iterator[str]:
    if not shutil.which("chromium"):
        yield "the tests in a browser – there is no chromium"


def run(place: str, selection: list[str], arguments: list[str], **environment: str) -> int:
    """One round; 0 when it passed."""
    print(f"\n— The suite on {place}", flush=True)
    base = {name: value for name, value in os.environ.items() if name not in services()}
    command = [sys.executable, "-m", "pytest", "-q", *selection, *arguments]
    started = time.monotonic()
    with subprocess.Popen(command, env=base | environment) as suite:
        while (code := suite.poll()) is None:
            reap(suite.pid)
            if time.monotonic() - started > LIMIT:
                code = stop(psutil.Process(suite.pid))
                break
            time.sleep(0.05)
    print(f"{time.monotonic() - started:.0f} s", flush=True)
    end_what_is_left()
    return int(code != 0)


def adopt() -> None:
    """On Linux, what a process of the tests leaves behind becomes a child of ours."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(suite: int) -> None:
    """Let what we have adopted be gone once it has ended, as it would be elsewhere."""
    if sys.platform == "linux":
        peek = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, peek)) and ended.si_pid != suite:
                os.waitpid(ended.si_pid, 0)


def end_what_is_left() -> None:
    """It would keep the pipe open into which we write, and the databases that it uses."""
    left = [each for each in psutil.Process().children(recursive=True) if each.is_running()]
    for each in left:
        with suppress(psutil.NoSuchProcess):
            if each.status() != psutil.STATUS_ZOMBIE:
                print(f"Left behind, and ended: {' '.join(each.cmdline())}", flush=True)
            each.kill()
    psutil.wait_procs(left, timeout=5)


def stop(suite: psutil.Process) -> int:
    """End a suite that stands still; it and its workers say what they were doing."""
    print(f"\nNot done after {LIMIT / 60:.0f} min. What each process does:", flush=True)
    everything = [suite]
    with suppress(psutil.NoSuchProcess):
        everything += suite.children(recursive=True)
        for each in [suite, *suite.children()]:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGUSR1)  # see tests.isolation
    psutil.wait_procs(everything, timeout=5)
    for each in everything:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    return 1


def report(folder: str) -> str:
    """The share of lines and branches that ran, and the files with least of it."""
    parts = [json.loads(path.read_text()) for path in Path(folder).glob("*.json")]
    whole = reduce(merge_coverage, parts)
    summaries = sorted(
        (each["summary"]["percent_covered"], name, each["summary"]["missing_lines"])
        for name, each in whole["files"].items()
    )
    worst = [
        f"{share:6.1f} %  {name} ({missing} lines)" for share, name, missing in summaries[:WORST]
    ]
    total = whole["summary"]["percent_covered"]
    return "\n".join([f"\n{total:.1f} % of lines and branches ran; least of", *worst])


if __name__ == "__main__":
    os.chdir(Path(__file__).parent.parent)
    adopt()
    sys.exit(main(sys.argv[1:]))
