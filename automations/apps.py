from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "automations"

    def ready(self) -> None:
        from automations import receivers, tasks
        from automations.models import Execution
        from inro.common.claims import SWEEPS, Sweep

        receivers.connect()
        SWEEPS.add(Sweep("executions", Execution, tasks.wake_due))
