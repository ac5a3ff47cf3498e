import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inro.accounts.models import AuditEntry, Workspace
from inro.common.errors import Refused
from messaging.channels import CHANNELS
from messaging.connecting import connect_channel
from messaging.serializers.channels import AnyChannelSerializer

# Flags of the command and the option of the channel type that each gives.
FLAGS = {"account_id": "account_id", "access_token": "access_token", "login": "login"}


class Command(BaseCommand):
    help = "Connect a channel and print its id. Its secrets are kept encrypted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, help="its subdomain")
        parser.add_argument("--kind", required=True, choices=CHANNELS.keys())
        parser.add_argument("--name", default="")
        parser.add_argument("--account-id", help="the provider's id of the account")
        parser.add_argument("--access-token")
        parser.add_argument("--app-secret", nargs="+", action="extend", default=None)
        parser.add_argument("--login", help="instagram or facebook")
        parser.add_argument("--json", action="store_true", help="print the API's object")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(subdomain=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']!r}.")
        given = {field: options[flag] for flag, field in FLAGS.items() if options[flag] is not None}
        if options["app_secret"] is not None:
            given["app_secrets"] = options["app_secret"]
        try:
            channel = connect_channel(workspace, options["kind"], options["name"], given)
        except Refused as refused:
            faults = [f"{path}: {' '.join(found)}" for path, found in refused.details.items()]
            raise CommandError("\n".join(faults) or refused.message) from None
        AuditEntry.record(workspace, "command line", "channel connected", channel)
        shown = json.dumps(AnyChannelSerializer(channel).data, default=str)
        self.stdout.write(shown if options["json"] else str(channel.pk))
