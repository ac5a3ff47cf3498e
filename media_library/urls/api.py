from django.urls import re_path
from rest_framework.routers import SimpleRouter

from media_library.views.company_media import CompanyMediaViewSet, NoCompanyMedia
from media_library.views.media_files import MediaFileViewSet
from media_library.views.media_folders import MediaFolderViewSet

router = SimpleRouter(trailing_slash=False)
router.register("media_files", MediaFileViewSet, basename="media-file")
router.register("media_folders", MediaFolderViewSet, basename="media-folder")
router.register("media", CompanyMediaViewSet, basename="company-media")

urlpatterns = [*router.urls, re_path("^media/.*$", NoCompanyMedia.as_view())]
