import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from automations.engine.runner import Start, start_many
from messaging.connecting import connect_channel
from tests.automations.conftest import new_contact
from tests.automations.support import stored
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
def channel(workspace):
    return connect_channel(workspace, "sandbox", "Sandbox", {})


@pytest.fixture
def contact(channel):
    return new_contact(channel, "jane", name="Jane", email="jane@x.example")


@pytest.fixture
def execution(channel, contact):
    """Jane has a question."""
    question = {"action_type": "ask_question", "content": "Well?", "options": {"answers": ["A"]}}
    definition_id = stored(channel.workspace, question).definition_id
    start = Start(definition_id, contact.pk, channel.pk, "contact_create")
    return start_many(channel.workspace_id, [start])[0]
