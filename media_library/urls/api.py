from rest_framework.routers import SimpleRouter

from media_library.views.media_files import MediaFileViewSet

router = SimpleRouter(trailing_slash=False)
router.register("media_files", MediaFileViewSet, basename="media-file")

urlpatterns = router.urls
