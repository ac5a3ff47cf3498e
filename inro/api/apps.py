from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "inro.api"
    label = "api"

    def ready(self) -> None:
        import rest_framework.views  # noqa: F401 - first, since it imports what settings name

        from inro.api import idempotency, references, schema  # noqa: F401 - registers the schemes
        from inro.api.models import IdempotencyKey
        from inro.common.claims import SWEEPS, Sweep

        SWEEPS.add(Sweep("idempotency keys", IdempotencyKey, idempotency.forget))
        references.register()
