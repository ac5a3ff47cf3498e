from django.urls import path
from rest_framework.routers import SimpleRouter

from automations.views.catalogue import ActionTypesView, TriggerTypesView
from automations.views.executions import ExecutionViewSet
from automations.views.revisions import RevisionViewSet
from automations.views.scenarios import ScenarioViewSet

router = SimpleRouter(trailing_slash=False)
router.register("scenarios", ScenarioViewSet, basename="scenario")
router.register("executions", ExecutionViewSet, basename="execution")
router.register(
    r"scenarios/(?P<scenario_id>[0-9]{1,18})/revisions", RevisionViewSet, basename="revision"
)

urlpatterns = [
    path("trigger_types", TriggerTypesView.as_view()),
    path("action_types", ActionTypesView.as_view()),
    *router.urls,
]
