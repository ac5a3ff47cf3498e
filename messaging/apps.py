from django.apps import AppConfig
from django.db.models import Q


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        from django.conf import settings

        from inro.accounts.home import HOME_PARTS
        from inro.accounts.starting import DEMO_PARTS, DemoPart
        from inro.api.me import ME_SECTIONS, Section
        from inro.common.backups import PAUSES, Pause
        from inro.common.claims import SWEEPS, Sweep
        from inro.common.retention import RETENTIONS, Retention, days
        from media_library.usages import USAGE_KINDS, UsageKind
        from messaging import diagnoses, readings, references
        from messaging.channels import media_rules
        from messaging.connecting import connect_channel, pause_all
        from messaging.delivery import sweeping
        from messaging.home import MESSAGING
        from messaging.models import Event, EventStatus, Stream
        from messaging.serializers.channels import channels_of
        from messaging.streams import settle_canceling
        from messaging.tasks import sweep_events
        from messaging.usages import as_object, messages_of, messages_with

        DEMO_PARTS.add(
            DemoPart("sandbox", lambda demo: connect_channel(demo, "sandbox", "Sandbox", {}))
        )
        HOME_PARTS.add(MESSAGING)
        ME_SECTIONS.add(Section("channels", channels_of))
        SWEEPS.add(Sweep("events", Event, sweep_events))
        sweeping.register()
        SWEEPS.add(Sweep("streams", Stream, settle_canceling))
        media_rules.register()
        readings.register()
        diagnoses.register()
        references.register()
        RETENTIONS.add(
            Retention(
                "events",
                Event,
                "created_at",
                lambda: days(settings.RETAIN_EVENTS_DAYS),
                ~Q(status=EventStatus.RECORDED),
            )
        )
        PAUSES.add(Pause("channels", pause_all))
        USAGE_KINDS.add(UsageKind("messages", 3, "messages", messages_with, messages_of, as_object))
