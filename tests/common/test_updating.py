"""Writing columns of many rows."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inro.accounts.models import ApiToken, Workspace
from inro.common.updating import update_each

pytestmark = pytest.mark.django_db


def test_each_gets_its_own_and_only_what_is_named(workspace: Workspace) -> None:
    tokens = [ApiToken.issue(workspace, name=name)[0] for name in "abc"]
    now = timezone.now()
    for number, token in enumerate(tokens):
        token.name = f"new {number}"
        token.abilities = [f"ability {number}"]
        token.expires_at = now + timedelta(days=number) if number else None
        token.rate_limit = "1/sec"

    with CaptureQueriesContext(connection) as queries:
        update_each([tokens[2], tokens[0]], ["name", "abilities", "expires_at"])

    assert len(queries) == 1
    stored = {
        token.pk: (token.name, token.abilities, token.expires_at, token.rate_limit)
        for token in ApiToken.objects.all()
    }
    assert stored == {
        tokens[0].pk: ("new 0", ["ability 0"], None, ""),
        tokens[1].pk: ("b", ["*"], None, ""),
        tokens[2].pk: ("new 2", ["ability 2"], now + timedelta(days=2), ""),
    }


def test_no_rows_cost_nothing(workspace: Workspace) -> None:
    with CaptureQueriesContext(connection) as queries:
        update_each([], ["name"])
    assert len(queries) == 0
