from django.urls import path
from rest_framework.routers import SimpleRouter

from automations.views.catalogue import ActionTypesView, TriggerTypesView
from automations.views.scenarios import ScenarioViewSet

router = SimpleRouter(trailing_slash=False)
router.register("scenarios", ScenarioViewSet, basename="scenario")

urlpatterns = [
    path("trigger_types", TriggerTypesView.as_view()),
    path("action_types", ActionTypesView.as_view()),
    *router.urls,
]
