from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from inro.accounts.models import Workspace
from messaging.models import Channel
from tests.faults import story
from tests.faults.working import Worker
from tests.messaging.delivery.conftest import connect
from tests.messaging.delivery.provider import ACCOUNT, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.close()
    assert server.faults == []


@pytest.fixture
def channel(workspace: Workspace, api: APIClient) -> Channel:
    """A channel on which everybody who writes is answered twice."""
    made = connect(workspace, ACCOUNT)
    assert api.post("/api/v1/scenarios", story.SCENARIO).status_code == 201
    return made


@pytest.fixture
def worker(transactional_db: None, provider: Provider) -> Iterator[Worker]:
    made = Worker(INSTAGRAM_API_URL=provider.url, UNCONFIRMED_AFTER=str(story.UNCONFIRMED_AFTER))
    yield made
    made.end()


@pytest.fixture
def tell(worker: Worker, channel: Channel, provider: Provider) -> Callable[..., Any]:
    """Another person's story."""

    def new(person: str, **options: Any) -> story.Story:
        return story.Story(worker, channel, provider, person, **options)

    return new
