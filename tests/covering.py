"""How much of the code runs: with COVERED=folder, each process writes there what ran in it.

By slipcover, which puts its probes into the code: the interpreter's tracing takes twice the time.
Loaded before anything of ours is imported.
"""

import json
import os
from pathlib import Path

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover

PACKAGES = ("inro", "media_library", "messaging", "automations")
FOLDER = os.environ.get("COVERED")
PROBES = Slipcover(branch=True)

if FOLDER:
    ImportManager(PROBES, FileMatcher(list(PACKAGES), ["*/migrations/*"])).__enter__()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    if FOLDER:
        Path(FOLDER, f"{os.getpid()}.json").write_text(json.dumps(PROBES.get_coverage()))
