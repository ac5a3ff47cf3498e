"""The process around the making: started bare, watched, and never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from media_library.transcoding import Cancelled, Job, TranscodingFailed, processes, transcode
from media_library.transcoding.forms import FORMS
from media_library.transcoding.forms.opus import Opus
from media_library.transcoding.jobs import MEANINGS
from tests.media_library import files
from tests.waiting import SECONDS

ROOT = Path(__file__).parents[3]
JOB = Job("opus", 10_000, "audio/wav")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def endless(maker):
    """A source that the child opens and waits for, for ever."""
    os.mkfifo(maker.source)
    return maker


def converters() -> list[int]:
    """The ids of those that run, whosever they are."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"media_library.transcoding.child" in each.read_bytes():
                found.append(int(each.parent.name))
        except OSError:
            continue
    return found


def child_of(parent: int) -> int:
    """The converter that runs for `parent`, once it waits for its source."""
    for _ in range(500):
        for pid in converters():
            status = Path(f"/proc/{pid}/status").read_text()
            if f"PPid:\t{parent}\n" in status and "Threads:\t2" in status:
                return pid
        threading.Event().wait(0.02)
    raise AssertionError("no converter runs")


def gone(pid: int) -> bool:
    for _ in range(100):
        if pid not in converters():
            return True
        threading.Event().wait(0.02)
    return False


def run(maker, **asked):
    asked = {"progress": lambda percent: None, "cancelled": lambda: False, **asked}
    transcode(maker.source, maker.target, JOB, **asked)


def test_one_that_hangs_is_killed_at_the_time_limit(endless, monkeypatch) -> None:
    monkeypatch.setattr(Opus, "seconds", 0.7)
    began = time.monotonic()
    failed = endless.failing_with(lambda: run(endless))
    assert 0.7 <= time.monotonic() - began < 3
    assert (failed.code, failed.retryable) == ("rendition_timeout", True)
    assert failed.message == "Making it took longer than 1 seconds; then it was stopped."


def test_one_that_is_not_wanted_any_more_is_killed_within_two_seconds(endless) -> None:
    asked: list[float] = []
    pids: list[int] = []

    def cancelled() -> bool:
        asked.append(time.monotonic())
        if len(asked) > 1:
            pids.append(child_of(os.getpid()))
        return len(asked) > 1

    with pytest.raises(Cancelled):
        run(endless, cancelled=cancelled)
    assert time.monotonic() - asked[-1] < 1.5
    assert asked[1] - asked[0] < 1.5
    assert gone(pids[0])
    assert endless.names() == {"source"}


def test_it_knows_no_secrets_and_holds_no_files_of_ours(endless, monkeypatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    seen: dict[str, Any] = {}

    def cancelled() -> bool:
        process = Path(f"/proc/{child_of(os.getpid())}")
        seen["environment"] = (process / "environ").read_bytes()
        seen["niceness"] = (process / "stat").read_text().rsplit(")", 1)[1].split()[16]
        seen["limits"] = (process / "limits").read_text()
        seen["files"] = [os.readlink(each) for each in (process / "fd").iterdir()]
        seen["folder"] = os.readlink(process / "cwd")
        return True

    held = open(endless.source.parent / "ours", "w+")  # noqa: SIM115
    os.set_inheritable(held.fileno(), True)
    # The first question comes as soon as it is started; ask once it is at work.
    answers = iter([False])
    with held, pytest.raises(Cancelled):
        run(endless, cancelled=lambda: next(answers, None) is None and cancelled())
    assert b"hidden" not in seen["environment"]
    assert b"SECRET_KEY" not in seen["environment"]
    assert int(seen["niceness"]) >= 10
    limits = {line[:25].strip(): line[25:].split()[0] for line in seen["limits"].splitlines()}
    assert limits["Max core file size"] == "0"
    assert limits["Max file size"] == "10000"
    assert limits["Max open files"] == "64"
    assert limits["Max address space"] == str(1024 * 1024 * 1024)
    assert limits["Max cpu time"] == "300"
    assert not [each for each in seen["files"] if each.endswith("ours")]
    assert Path(seen["folder"]).parent == endless.source.parent


def test_a_killed_parent_leaves_no_child(endless) -> None:
    code = (
        "from pathlib import Path; from media_library.transcoding import *;"
        f"transcode(Path({str(endless.source)!r}), Path({str(endless.target)!r}),"
        f"{JOB!r}, progress=print, cancelled=lambda: False)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        child = child_of(parent.pid)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait(SECONDS)
    assert gone(child)


ENDINGS = [
    ("os.kill(0, 11)", "rendition_failed", False),
    ("os.kill(os.getpid(), signal.SIGKILL)", "rendition_out_of_memory", True),
    ("os.kill(os.getpid(), signal.SIGXCPU)", "rendition_timeout", True),
    ("sys.exit(3)", "rendition_failed", False),
    ("print('x' * 100_000); time.sleep(60)", "rendition_failed", False),
    ('print(\'[1]\\n{]\\n5\\n{"progress": "x"}\')', "rendition_failed", False),
    ("say(done=True)", "rendition_failed", False),
    ("open('result', 'wb').write(bytes(10_001)); say(done=True)", "rendition_failed", False),
    ("open('result', 'wb'); say(done=True)", "rendition_failed", False),
    ("os.symlink('/etc/passwd', 'result'); say(done=True)", "rendition_failed", False),
    ("say(failed={'code': 'made_up', 'message': 'm'})", "rendition_failed", False),
    ("say(failed={'code': 'rendition_too_large'})", "rendition_too_large", False),
]


@pytest.mark.parametrize(("code", "expected", "retryable"), ENDINGS)
def test_how_it_ends_is_told_apart(maker, monkeypatch, code, expected, retryable) -> None:
    begin = (
        "import json, os, signal, sys, time; sys.stdin.readline();"
        "say = lambda **words: (print(json.dumps(words), flush=True), time.sleep(60));"
    )
    monkeypatch.setattr(processes, "_COMMAND", [sys.executable, "-S", "-c", begin + code])
    monkeypatch.setattr(processes, "END_SECONDS", 0.5)
    maker.source.write_bytes(files.wav())
    failed = maker.failing_with(lambda: run(maker))
    assert (failed.code, failed.retryable) == (expected, retryable)
    assert len(failed.message) <= 300


def test_what_it_says_is_bounded(maker, monkeypatch) -> None:
    code = "print('{\"failed\": {\"message\": \"' + 'x' * 3000 + '\"}}')"
    monkeypatch.setattr(processes, "_COMMAND", [sys.executable, "-S", "-c", code])
    maker.source.write_bytes(files.wav())
    assert maker.failing_with(lambda: run(maker)).message == "x" * 300


def test_a_server_that_cannot_start_it_may_try_again(maker, monkeypatch) -> None:
    monkeypatch.setattr(processes, "_COMMAND", ["/nowhere/python"])
    maker.source.write_bytes(files.wav())
    failed = maker.failing_with(lambda: run(maker))
    assert (failed.code, failed.retryable) == ("rendition_unavailable", True)


def test_a_form_is_made_only_of_what_it_can_be_made_of(maker) -> None:
    failed = maker.failing("opus", "application/pdf", files.pdf())
    assert (failed.code, failed.retryable) == ("rendition_unavailable", False)
    assert failed.message == "Voice note cannot be made of application/pdf."


def test_what_was_there_stays_until_all_of_the_new_is(maker) -> None:
    maker.target.write_bytes(b"before")
    maker.source.write_bytes(b"RIFF")
    with pytest.raises(TranscodingFailed):
        run(maker)
    assert maker.target.read_bytes() == b"before"


def test_the_forms_say_what_they_are() -> None:
    assert {name: (form.mime_type, form.extension) for name, form in FORMS.items()} == {
        "jpeg": ("image/jpeg", "jpg"),
        "thumbnail": ("image/jpeg", "jpg"),
        "poster": ("image/jpeg", "jpg"),
        "mp4": ("video/mp4", "mp4"),
        "m4a": ("audio/mp4", "m4a"),
        "opus": ("audio/ogg", "ogg"),
    }
    assert all(form.label and form.seconds for form in FORMS.values())
    assert all(code.startswith("rendition_") and text for code, text in MEANINGS.items())


def test_naming_forms_loads_neither_ffmpeg_nor_django() -> None:
    code = (
        "import sys, media_library.transcoding.forms;"
        "print(sorted({'av', 'PIL', 'pillow_heif', 'django'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS
    )
    assert found.stdout == "[]\n"
