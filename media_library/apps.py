from django.apps import AppConfig
from django.db.models import Q


class MediaLibraryConfig(AppConfig):
    name = "media_library"
    verbose_name = "Media library"

    def ready(self) -> None:
        from django.conf import settings

        from inro.accounts.home import HOME_PARTS
        from inro.accounts.starting import DEMO_CONTENTS, DemoContent
        from inro.common.backups import FILE_OWNERS, FileOwner
        from inro.common.claims import SWEEPS, Sweep
        from inro.common.diagnosing import CHECKS, Check
        from inro.common.measuring import BACKLOGS, Backlog
        from inro.common.retention import RETENTIONS, Retention, days
        from media_library import demo, examining, readings, reference_pages, storage, sweeping
        from media_library.home import MEDIA
        from media_library.models import Blob, Fetch, MediaFile, MediaStatus, Rendition
        from media_library.usages import unnamed

        reference_pages.register()
        HOME_PARTS.add(MEDIA)
        SWEEPS.add(Sweep("downloads", Fetch, sweeping.sweep))
        SWEEPS.add(Sweep("renditions", Rendition, sweeping.sweep_renditions))
        SWEEPS.add(Sweep("examinations", Blob, sweeping.sweep_examinations))
        CHECKS.add(Check("stored files", examining.check))
        BACKLOGS.add(Backlog("downloads", readings.oldest_download))
        BACKLOGS.add(Backlog("renditions", readings.oldest_rendition))
        FILE_OWNERS.add(FileOwner("blobs", storage.FOLDER, storage.files_of, storage.named))
        for status, kept_for in (
            (MediaStatus.FAILED, lambda: days(settings.RETAIN_FAILED_MEDIA_DAYS)),
            (MediaStatus.DELETED, lambda: days(settings.RETAIN_DELETED_MEDIA_DAYS)),
        ):
            RETENTIONS.add(
                Retention(
                    f"{status} media files",
                    MediaFile,
                    "updated_at",
                    kept_for,
                    lambda status=status: Q(status=status) & unnamed(),  # type: ignore[misc]
                    in_order=False,
                )
            )
        DEMO_CONTENTS.add(DemoContent("pictures", demo.fill))
