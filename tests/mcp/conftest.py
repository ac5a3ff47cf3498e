import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from messaging.connecting import connect_channel
from tests.automations.conftest import new_contact
from tests.mcp.agent import Agent
from tests.media_library.files import picture

WELCOME = {
    "title": "Welcome",
    "triggers": [{"trigger_type": "contact_create"}],
    "actions": [{"action_key": "hi", "action_type": "message", "content": "Hello"}],
}


@pytest.fixture
def agent(api: APIClient) -> Agent:
    return Agent(api)


@pytest.fixture
def media_file(api):
    file = SimpleUploadedFile("welcome.jpg", picture("JPEG"), "image/jpeg")
    return api.post("/api/v1/media_files", {"file": file}, format="multipart").json()


@pytest.fixture
def scenario(api):
    return api.post("/api/v1/scenarios", WELCOME, format="json").json()


@pytest.fixture
def contact(workspace):
    channel = connect_channel(workspace, "sandbox", "Sandbox", {})
    return new_contact(channel, "jane", name="Jane", email="jane@x.example")
