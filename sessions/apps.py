from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "avatar_sessions"  # Django's own app has the label "sessions"
