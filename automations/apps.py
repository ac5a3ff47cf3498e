from django.apps import AppConfig
from django.db.models import Q


class AutomationsConfig(AppConfig):
    name = "automations"

    def ready(self) -> None:
        from django.conf import settings

        from automations import demo, readings, receivers, references, tasks, telling
        from automations.home import AUTOMATIONS
        from automations.models import LIVE, Execution, Step
        from automations.usages import actions_of, actions_with, as_object
        from inro.accounts.home import HOME_PARTS
        from inro.accounts.starting import DEMO_CONTENTS, DemoContent
        from inro.common.claims import SWEEPS, Sweep
        from inro.common.measuring import BACKLOGS, Backlog
        from inro.common.retention import RETENTIONS, Retention, days
        from media_library.usages import USAGE_KINDS, UsageKind
        from messaging.conversation import STORYTELLERS
        from messaging.panels import CONTACT_PANELS

        receivers.connect()
        references.register()
        HOME_PARTS.add(AUTOMATIONS)
        STORYTELLERS.add(telling.STORYTELLER)
        CONTACT_PANELS.add(telling.PANEL)
        BACKLOGS.add(Backlog("executions", readings.oldest_execution))
        SWEEPS.add(Sweep("executions", Execution, tasks.wake_due))
        USAGE_KINDS.add(UsageKind("scenarios", 1, "actions", actions_with, actions_of, as_object))
        RETENTIONS.add(
            Retention(
                "step logs",
                Step,
                "at",
                lambda: days(settings.RETAIN_STEPS_DAYS),
                ~Q(execution__status__in=LIVE),
            )
        )
        DEMO_CONTENTS.add(DemoContent("conversations", demo.fill))
