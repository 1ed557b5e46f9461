from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring import capacity_warnings, live

        live.listen()
        capacity_warnings.listen()
