from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "avatar_sessions"  # Django's own app has the label "sessions"

    def ready(self) -> None:
        from sessions import checks  # noqa: F401 (registers itself)
