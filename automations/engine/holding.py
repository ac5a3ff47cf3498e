"""Keeping definitions from being deleted while executions of them begin."""

from collections.abc import Collection

from django.db import connection

# Of all locks the weakest: starts share it, edits do not wait for it, a deletion does. Django has
# no name for it. SQLite needs none, since there one transaction writes at a time.
_STATEMENTS = {
    "sqlite": "SELECT id FROM automations_definition WHERE id IN ({})",
    "postgresql": (
        "SELECT id FROM automations_definition WHERE id IN ({}) ORDER BY id FOR KEY SHARE"
    ),
}


def held(definition_ids: Collection[int]) -> set[int]:
    """Those that exist; they do until the end of the transaction."""
    if not definition_ids:
        return set()
    places = ", ".join(["%s"] * len(definition_ids))
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENTS[connection.vendor].format(places), list(definition_ids))
        return {pk for (pk,) in cursor.fetchall()}
