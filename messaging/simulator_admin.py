"""The simulator: a page of a sandbox channel on which one writes as a person would."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from inro.common.errors import Refused
from messaging.channels.sandbox import Sandbox
from messaging.models import Channel
from messaging.simulating import conversation_of, people_of, simulate

# What a person can do, as `simulate` takes it.
FIELDS = ("text", "attachment_url", "quick_reply")
LONGEST_NAME = 150


class SimulatorPages(admin.ModelAdmin):
    """Adds the simulator to the admin of channels."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "simulator": self.simulator_view,
            "conversation": require_safe(self.conversation_view),
        }
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"messaging_channel_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def simulator_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The page; POST has the person write, tap or attach."""
        channel = self._sandbox(request, pk)
        given = request.POST if request.method == "POST" else request.GET
        person = given.get("person", "").strip()[:LONGEST_NAME]
        faults = self._act(request, channel, person) if request.method == "POST" else []
        context = self._about(channel, person) | {"faults": faults}
        if request.headers.get("HX-Request"):
            answer = TemplateResponse(request, f"{_TEMPLATES}/conversation.html", context)
            if not faults:
                answer["HX-Trigger"] = "written"
            return answer
        if request.method == "POST":
            for fault in faults:
                self.message_user(request, fault, messages.ERROR)
            return redirect(_address(channel, person))
        context |= {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Simulator of {channel.name}",
            "people": people_of(channel),
        }
        return TemplateResponse(request, f"{_TEMPLATES}/page.html", context)

    def conversation_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The conversation as it stands; 204 while it is the version that was `seen`."""
        channel = self._sandbox(request, pk)
        context = self._about(channel, request.GET.get("person", "")[:LONGEST_NAME])
        if context["conversation"].version == request.GET.get("seen"):
            return HttpResponse(status=204)
        return TemplateResponse(request, f"{_TEMPLATES}/conversation.html", context)

    def _sandbox(self, request: HttpRequest, pk: int) -> Channel:
        if not self.has_change_permission(request):
            raise PermissionDenied
        sandboxes = self.get_queryset(request).filter(kind=Sandbox.kind)
        channel: Channel = get_object_or_404(sandboxes, pk=pk)
        return channel

    @staticmethod
    def _act(request: HttpRequest, channel: Channel, person: str) -> list[str]:
        done = {name: value for name in FIELDS if (value := request.POST.get(name, "").strip())}
        try:
            simulate(channel, {"from": person, **done})
        except Refused as refused:
            return [said for found in refused.details.values() for said in found]
        return []

    @staticmethod
    def _about(channel: Channel, person: str) -> dict[str, Any]:
        return {
            "channel": channel,
            "person": person,
            "conversation": conversation_of(channel, person),
        }


_TEMPLATES = "admin/messaging/channel/simulator"


def _address(channel: Channel, person: str) -> str:
    page = reverse("admin:messaging_channel_simulator", args=[channel.pk])
    return f"{page}?{urlencode({'person': person})}"
