"""Statements that are made once answer like the queries that they are made of."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inro.accounts.models import ApiToken, Workspace
from inro.common.prepared import Prepared

pytestmark = pytest.mark.django_db


def test_rows_are_those_of_the_query_with_the_values_in_place(
    workspace: Workspace, stranger: Workspace
) -> None:
    for owner, name in ((workspace, "a"), (workspace, "b"), (stranger, "a")):
        ApiToken.issue(owner, name=name, abilities=["media.read"])
    columns = ("workspace", "name", "abilities", "created_at", "revoked_at")
    query = ApiToken.objects.order_by("-id").values_list(*columns)
    prepared = Prepared(query.filter(workspace=-1, name="?"), [-1, "?"])

    for owner, name in ((workspace, "a"), (stranger, "a"), (workspace, "b"), (stranger, "b")):
        # Converted as Django converts: lists of JSON, times with their zone.
        expected = list(query.filter(workspace=owner, name=name))
        assert prepared.rows([owner.pk, name]) == expected
    assert prepared.rows([workspace.pk, "a"])[0][2] == ["media.read"]


def test_counts(workspace: Workspace) -> None:
    for name in "aab":
        ApiToken.issue(workspace, name=name)
    prepared = Prepared.count(ApiToken.objects.filter(name="?").order_by("-id"), ["?"])

    assert prepared.rows(["a"]) == [(2,)]
    assert prepared.rows(["c"]) == [(0,)]


def test_values_cannot_become_part_of_the_statement(workspace: Workspace) -> None:
    ApiToken.issue(workspace, name="a")
    prepared = Prepared(ApiToken.objects.filter(name="?").values_list("id"), ["?"])

    assert prepared.rows(["' OR ''='"]) == []
    assert prepared.rows(["%s"]) == []


def test_a_place_that_is_not_one_value_is_refused(workspace: Workspace) -> None:
    query = ApiToken.objects.values_list("id")
    with pytest.raises(ValueError, match="not a value"):
        Prepared(query.filter(name="?", key_id="?"), ["?"])
    with pytest.raises(ValueError, match="not a value"):
        Prepared(query.filter(name="a"), ["?"])


def test_a_token_costs_one_query_and_is_whole(workspace: Workspace) -> None:
    issued, plain = ApiToken.issue(workspace, name="a", rate_limit="5/min")
    ApiToken.authenticate(plain)  # notes its first use

    with CaptureQueriesContext(
        connection,
    ) as queries:
        token = ApiToken.authenticate(plain)
        assert token is not None
        assert token.workspace.subdomain == "acme"
    assert len(queries) == 1
    stored = ApiToken.objects.select_related("workspace").get(pk=issued.pk)
    for field in ApiToken._meta.concrete_fields:
        assert getattr(token, field.attname) == getattr(stored, field.attname), field.name
    for field in Workspace._meta.concrete_fields:
        own = getattr(token.workspace, field.attname)
        assert own == getattr(stored.workspace, field.attname), field.name
    token.name = "renamed"
    token.save()  # it is a row that exists, not a new one
    assert ApiToken.objects.get().name == "renamed"


@pytest.mark.parametrize("plain", ["", "apitk_", "apitk_\0\0\0", "x" * 10_000, "apitk_é"])
def test_nonsense_is_no_token(db: None, plain: str) -> None:
    assert ApiToken.authenticate(plain) is None
