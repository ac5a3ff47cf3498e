from django.apps import AppConfig


class MediaLibraryConfig(AppConfig):
    name = "media_library"
    verbose_name = "Media library"

    def ready(self) -> None:
        from inro.common.claims import SWEEPS, Sweep
        from media_library import sweeping
        from media_library.models import Fetch

        SWEEPS.add(Sweep("downloads", Fetch, sweeping.sweep))
