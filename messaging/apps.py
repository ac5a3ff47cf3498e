from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        from inro.accounts.starting import DEMO_PARTS, DemoPart
        from inro.api.me import ME_SECTIONS, Section
        from inro.common.claims import SWEEPS, Sweep
        from messaging.connecting import connect_channel
        from messaging.delivery import sweeping
        from messaging.models import Event
        from messaging.serializers.channels import channels_of
        from messaging.tasks import sweep_events

        DEMO_PARTS.add(
            DemoPart("sandbox", lambda demo: connect_channel(demo, "sandbox", "Sandbox", {}))
        )
        ME_SECTIONS.add(Section("channels", channels_of))
        SWEEPS.add(Sweep("events", Event, sweep_events))
        sweeping.register()
