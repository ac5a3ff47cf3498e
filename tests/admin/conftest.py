import pytest
from django.test import Client

from inro.accounts.models import Membership, User


@pytest.fixture
def operator(workspace):
    """Somebody of Acme: staff with one membership, no superuser."""
    user = User.objects.create_user("olga", is_staff=True)
    Membership.objects.create(user=user, workspace=workspace)
    return user


@pytest.fixture
def browser(operator):
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def chief(db):
    """A superuser's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client
