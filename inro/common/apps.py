from datetime import timedelta

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "inro.common"
    label = "common"

    def ready(self) -> None:
        from inro.common import diagnoses, queues, references, rotating
        from inro.common.diagnosing import CHECKS, Check
        from inro.common.measuring import READINGS, Reading
        from inro.common.models import Heartbeat
        from inro.common.retention import RETENTIONS, Retention

        RETENTIONS.add(
            Retention("heartbeats", Heartbeat, "at", lambda: timedelta(days=30), in_order=False)
        )
        READINGS.add(
            Reading(
                "inro_queue_tasks",
                "Tasks that no worker has taken yet.",
                lambda: [((name,), size) for name, size in queues.waiting().items()],
                ("queue",),
            )
        )
        READINGS.add(
            Reading(
                "inro_last_tick_timestamp_seconds",
                "When the clock last ticked, in seconds since 1970.",
                lambda: [((), at.timestamp())] if (at := Heartbeat.last("tick")) else [],
            )
        )
        diagnoses.register()
        references.register()
        CHECKS.add(Check("keys", rotating.check))
