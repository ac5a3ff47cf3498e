import pytest

from inro.accounts.models import Workspace
from messaging.connecting import connect_channel
from messaging.models import Channel, Contact, Identity


@pytest.fixture
def channel(workspace: Workspace) -> Channel:
    return connect_channel(workspace, "sandbox", "Sandbox", {})


@pytest.fixture
def contact(channel: Channel) -> Contact:
    return new_contact(channel, "jane", name="Jane")


def new_contact(channel: Channel, external_id: str, **fields: str) -> Contact:
    contact = Contact.objects.create(workspace=channel.workspace, username=external_id, **fields)
    Identity.objects.create(
        workspace=channel.workspace, channel=channel, contact=contact, external_id=external_id
    )
    return contact
