"""All addresses of the web application."""

from django.urls import include, path

from avatary.api import api
from avatary.health import healthz, readyz
from sessions.webhooks import LiveKitWebhook

urlpatterns = [
    path("", include("sessions.urls")),
    path("", include("monitoring.urls")),
    path("", include("operators.urls")),
    path("api/v1/", api.urls),
    path("livekit/webhook", LiveKitWebhook.as_view()),
    path("healthz", healthz),
    path("readyz", readyz),
]
