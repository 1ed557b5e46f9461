"""All addresses of the web application."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from avatary.api import api
from avatary.health import healthz, readyz
from sessions.webhooks import LiveKitWebhook

api_patterns, api_app, api_namespace = api.urls
for pattern in api_patterns:
    # The API asks for a bearer token itself, and answers 401 where pages redirect to the sign-in.
    if pattern.callback is not None:
        login_not_required(pattern.callback)

handler500 = "avatary.faults.answer_fault"
urlpatterns = [
    path("", include("sessions.urls")),
    path("", include("monitoring.urls")),
    path("", include("operators.urls")),
    path("api/v1/", (api_patterns, api_app, api_namespace)),
    path("livekit/webhook", LiveKitWebhook.as_view()),
    path("healthz", healthz),
    path("readyz", readyz),
]
