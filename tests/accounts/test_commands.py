import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from inro.accounts.models import ApiToken, AuditEntry, Workspace
from inro.accounts.starting import first_start

pytestmark = pytest.mark.django_db


def test_create_workspace_prints_its_id(capsys):
    call_command("create_workspace", "Acme Ltd", "--subdomain", "acme", "--plan", "pro")
    workspace = Workspace.objects.get()
    assert capsys.readouterr().out.strip() == str(workspace.pk)
    assert (workspace.name, workspace.subdomain, workspace.plan) == ("Acme Ltd", "acme", "pro")


def test_create_workspace_prints_json(capsys):
    call_command("create_workspace", "Acme", "--subdomain", "acme", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert shown == {
        "id": Workspace.objects.get().pk,
        "name": "Acme",
        "subdomain": "acme",
        "plan": "trial",
    }


@pytest.mark.parametrize("subdomain", ["Acme", "-a", "a-", "a.b", "", "a b", "x" * 64])
def test_create_workspace_refuses_a_bad_subdomain(subdomain):
    with pytest.raises(CommandError, match="subdomain"):
        call_command("create_workspace", "Acme", "--subdomain", subdomain)
    assert not Workspace.objects.exists()


def test_create_workspace_refuses_a_taken_subdomain(workspace):
    with pytest.raises(CommandError, match="subdomain"):
        call_command("create_workspace", "Other", "--subdomain", "acme")
    assert Workspace.objects.count() == 1


def test_issue_token_prints_the_token_alone(workspace, capsys):
    call_command(
        "issue_token", "--workspace", "acme", "--ability", "media.read", "messages.send",
        "--expires", "90d",
    )  # fmt: skip
    plain = capsys.readouterr().out.removesuffix("\n")
    token = ApiToken.authenticate(plain)
    assert token is not None
    assert token.abilities == ["media.read", "messages.send"]
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)
    assert AuditEntry.objects.get().action == "token issued"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--expires", "soon"], "must look like 90d"),
        (["--expires", "0d"], "must look like 90d"),
        (["--rate-limit", "many"], "--rate-limit must look like 60/min"),
        (["--ability", "everything"], "invalid choice"),
    ],
)
def test_issue_token_refuses_nonsense(workspace, extra, words):
    with pytest.raises(CommandError, match=words):
        call_command("issue_token", "--workspace", "acme", *extra)
    assert not ApiToken.objects.exists()


def test_issue_token_names_a_missing_workspace(db):
    with pytest.raises(CommandError, match="no workspace 'nowhere'"):
        call_command("issue_token", "--workspace", "nowhere")


def test_login_link_signs_in_once(capsys):
    first_start()
    call_command("login_link")
    address = capsys.readouterr().out.strip().removeprefix("http://127.0.0.1:8000")
    assert Client().head(address).status_code == 405
    browser = Client()
    assert browser.get(address).headers["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200
    spent = Client().get(address)
    assert spent.status_code == 403
    assert "cannot be used any more" in spent.text


def test_login_link_ends_after_a_quarter_of_an_hour(capsys, time_machine):
    time_machine.move_to("2026-01-01T12:00:00+00:00", tick=False)
    first_start()
    call_command("login_link")
    address = capsys.readouterr().out.strip().removeprefix("http://127.0.0.1:8000")
    time_machine.move_to("2026-01-01T12:15:01+00:00", tick=False)
    assert Client().get(address).status_code == 403


def test_first_start_happens_once():
    plain = first_start()
    assert plain is not None
    workspace = Workspace.objects.get()
    assert (workspace.subdomain, workspace.plan) == ("demo", "trial")
    token = ApiToken.authenticate(plain)
    assert token is not None
    assert token.workspace == workspace
    assert first_start() is None
    assert Workspace.objects.count() == 1


def test_issue_token_with_its_own_rate_limit(workspace):
    call_command("issue_token", "--workspace", "acme", "--rate-limit", "600/min")
    assert ApiToken.objects.get().rate_limit == "600/min"
