from django.urls import path

from messaging.webhooks import webhook

urlpatterns = [path("<slug:kind>/<uuid:uuid>", webhook, name="webhook")]
