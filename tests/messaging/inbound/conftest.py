from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from inro.accounts.models import Workspace
from messaging import receiving
from messaging.models import Channel
from messaging.signals import people_arrived
from messaging.tasks import apply_events
from tests.messaging.inbound import instagram

Post = Callable[..., HttpResponse]


@pytest.fixture
def channel(workspace: Workspace) -> Channel:
    return instagram.connect(workspace)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The events that a worker was told of, in order; none is started."""
    told: list[int] = []

    def send(args: tuple[list[int]], **options: Any) -> None:
        told.extend(args[0])

    monkeypatch.setattr(apply_events, "apply_async", send)
    return told


@pytest.fixture
def post(channel: Channel, woken: list[int], django_capture_on_commit_callbacks: Any) -> Post:
    """Post a body to the channel's webhook as the provider would, signed."""

    def send(
        payload: Any = None,
        *,
        raw: bytes | None = None,
        secret: str = instagram.SECRET,
        signature: str | None = None,
        to: Channel = channel,
    ) -> HttpResponse:
        raw = instagram.encoded(payload) if raw is None else raw
        signed = instagram.signature(raw, secret) if signature is None else signature
        headers = {"X-Hub-Signature-256": signed} if signed else {}
        with django_capture_on_commit_callbacks(execute=True):
            return Client().post(  # type: ignore[return-value]
                f"/webhooks/{to.kind}/{to.uuid}",
                data=raw,
                content_type="application/json",
                headers=headers,
            )

    return send


@pytest.fixture
def tell(post: Post, woken: list[int]) -> Callable[..., None]:
    """Post items in one body, and do what the woken worker would do."""

    def told(*items: Any, **options: Any) -> None:
        answer = post(instagram.body(*items), **options)
        assert answer.status_code == 200, answer.content
        receiving.apply_events(woken)
        woken.clear()

    return told


@pytest.fixture
def arrived() -> Any:
    """What `people_arrived` told, in order."""
    seen: list[receiving.Arrival] = []

    def note(sender: Any, arrivals: list[receiving.Arrival], **kwargs: Any) -> None:
        seen.extend(arrivals)

    people_arrived.connect(note, weak=False)
    yield seen
    people_arrived.disconnect(note)
