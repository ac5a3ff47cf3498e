"""Pages as people see them: Chromium against a live server. Nothing is downloaded for it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from inro.accounts.models import Membership, User, Workspace
from messaging.models import Channel
from tests.browser.house import furnish
from tests.browser.watching import Watch

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
Browsing = Callable[..., Page]
# Live parts ask every five seconds, on a machine that may be busy with another test.
expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # What a page asks of a database is tested where pages are.
            item.add_marker(pytest.mark.once)


# Not for the session: while it runs, the thread of the tests counts as one with an event loop.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"There is no Chromium at {CHROMIUM}; name one in CHROMIUM.")
    # As root it has no sandbox to start in.
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*sandbox, "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def operator(workspace: Workspace) -> User:
    """Somebody of Acme: staff with one membership, no superuser."""
    user = User.objects.create_user("olga", is_staff=True)
    Membership.objects.create(user=user, workspace=workspace)
    return user


@pytest.fixture
def browsing(
    request: pytest.FixtureRequest, chromium: Browser, live_server: Any, settings: Any
) -> Iterator[Browsing]:
    """Opens a window for a user, `width` pixels wide; whatever goes wrong in it fails the test."""
    settings.PUBLIC_URL = live_server.url
    watches: list[Watch] = []

    def window(user: User | None = None, width: int = 1280, scheme: Any = "light") -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        if user:
            context.add_cookies(
                [{"name": "sessionid", "value": _session_of(user), "url": live_server.url}]
            )
        page = context.new_page()
        page.set_default_timeout(10_000)
        watches.append(Watch(page, live_server.url))
        return page

    yield window
    for watch in watches:
        watch.page.context.close()
    for watch in watches:
        assert watch.faults == []


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[django_settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def house(workspace: Workspace) -> Channel:
    """Something of everything; its sandbox."""
    return furnish(workspace)
