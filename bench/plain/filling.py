"""The reference's tables and rows."""

from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.authtoken.models import Token

from bench.plain.models import MediaFile


def fill(rows: int) -> str:
    """Make the tables and `rows` files; a token."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    MediaFile.objects.all().delete()
    MediaFile.objects.bulk_create(
        MediaFile(
            file=f"files/2026/11/21/{number:08d}.jpg",
            name=f"file {number}.jpg",
            caption="Spring sale",
            size=34_000 + number,
            width=1200,
            height=800,
            sha256=f"{number:064x}",
        )
        for number in range(rows)
    )
    user, _ = User.objects.get_or_create(username="bench")
    return str(Token.objects.get_or_create(user=user)[0].key)
