from django.urls import path
from rest_framework.routers import SimpleRouter

from messaging.views.channels import ChannelViewSet, OutboxViewSet
from messaging.views.contact_lookup import ContactLookupView
from messaging.views.contacts import ContactViewSet
from messaging.views.messages import MessageViewSet

router = SimpleRouter(trailing_slash=False)
router.register("channels", ChannelViewSet)
router.register(r"channels/(?P<channel_id>[0-9]{1,18})/outbox", OutboxViewSet, basename="outbox")
router.register("contacts", ContactViewSet)
router.register("messages", MessageViewSet)

urlpatterns = [*router.urls, path("contact", ContactLookupView.as_view())]
