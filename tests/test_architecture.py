"""Rules of the house that no other tool checks."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from automations.actions import ACTION_TYPES
from automations.triggers import TRIGGER_TYPES
from messaging.channels import CHANNELS

ROOT = Path(__file__).parent.parent
APPS = ("inro", "media_library", "messaging", "automations")
MODULES = sorted(
    path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts
)
HTTP_CLIENTS = {"httpx2", "httpcore2", "aiohttp", "requests", "urllib3", "http.client"}
MAY_CALL_OUT = {
    "inro/common/http.py",
    "inro/common/network.py",
    "inro/common/outgoing.py",
    "messaging/asking.py",
    "messaging/delivery/calling.py",
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def has_no_end(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
    given = {each.arg for each in call.keywords}
    if name in ("run", "check_output") and ast.unparse(call.func).startswith("subprocess."):
        return "timeout" not in given
    if name == "ThreadPoolExecutor":
        return True  # who leaves it waits for its threads: there is `tests.waiting`
    if name == "Thread":
        return "daemon" not in given  # the process would wait for it
    return name in ("wait", "join", "communicate") and not call.args and not given


def test_no_wait_of_a_test_is_without_an_end():
    paths = [path for folder in ("tests", "bench") for path in (ROOT / folder).rglob("*.py")]
    endless = [
        f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and has_no_end(node)
    ]
    assert endless == []


def test_modules_are_named_for_what_they_hold():
    vague = {"utils", "util", "helpers", "services", "misc", "common_utils"}
    assert [path for path in MODULES if path.stem in vague] == []


def test_only_the_guard_and_the_caller_of_providers_open_connections():
    found = {
        str(path.relative_to(ROOT))
        for path in MODULES
        for name in imports_of(path)
        if name in HTTP_CLIENTS or name.split(".")[0] in HTTP_CLIENTS
    }
    assert found <= MAY_CALL_OUT


def test_tasks_are_started_by_waking_only():
    starting = [
        str(path.relative_to(ROOT))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"delay", "apply_async", "send_task"}
    ]
    assert set(starting) == {"inro/common/waking.py"}


@pytest.mark.parametrize(
    "registry", [CHANNELS, ACTION_TYPES, TRIGGER_TYPES], ids=lambda each: each.name
)
def test_each_type_has_a_file_of_its_own_and_says_what_it_is(registry):
    files = [inspect.getfile(type(each)) for each in registry]
    assert len(set(files)) == len(files) > 0
    for each in registry:
        assert len(inspect.getdoc(type(each)) or "") > 30, each
        assert type(each).__doc__ is not None, each
