from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"

    def ready(self) -> None:
        from monitoring.actions import removed
        from monitoring.hosts import capacity_warnings
        from monitoring.live import broadcast

        broadcast.listen()
        capacity_warnings.listen()
        removed.listen()
