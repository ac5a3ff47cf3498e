from django.urls import path

from media_library.views.serving import media

urlpatterns = [path("<str:signed>/<str:name>", media, name="media")]
