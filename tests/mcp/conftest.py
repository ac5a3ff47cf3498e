import pytest
from rest_framework.test import APIClient

from tests.mcp.agent import Agent


@pytest.fixture
def agent(api: APIClient) -> Agent:
    return Agent(api)
