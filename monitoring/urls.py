"""Addresses of what is measured: hosts, samples for charts, reports."""

from django.urls import path

from monitoring.alerts import views as alert_views
from monitoring.comparing import trial_views
from monitoring.hosts import order_views
from monitoring.hosts import views as host_views
from monitoring.metrics import metrics
from monitoring.reports import views as report_views
from monitoring.samples import views as sample_views

app_name = "monitoring"
urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("alerts/", alert_views.alerts, name="alerts"),
    path("alerts/bell", alert_views.news, {"part": "bell"}, name="alert-bell"),
    path("alerts/banner", alert_views.news, {"part": "banner"}, name="alert-banner"),
    path("alerts/<uuid:code>/acknowledge", alert_views.acknowledge, name="acknowledge-alert"),
    path("hosts/", host_views.hosts, name="hosts"),
    path("hosts/strip", host_views.strip, name="host-strip"),
    path("hosts/<str:name>/", host_views.host, name="host"),
    path("hosts/<str:name>/drain", order_views.drain, name="host-drain"),
    path("hosts/<str:name>/switch", order_views.switch_all, name="host-switch"),
    path("hosts/<str:name>/switches", order_views.switched, name="host-switches"),
    path("hosts/<str:name>/samples.json", sample_views.host_samples, name="host-samples"),
    path("sessions/<uuid:code>/samples.json", sample_views.session_samples, name="session-samples"),
    path("reports/", report_views.reports, name="reports"),
    path("reports/compare/", report_views.compare, name="report-compare"),
    path("reports/trials/new", trial_views.new_trial, name="trial-new"),
    path("reports/trials/<uuid:code>/", trial_views.trial, name="trial"),
    path("reports/trials/<uuid:code>/stop", trial_views.stop_trial, name="trial-stop"),
    path("reports/<uuid:code>/", report_views.report, name="report"),
    path("reports/<uuid:code>/delete", report_views.delete, name="report-delete"),
    path("reports/<uuid:code>/report.<slug:form>", report_views.report_as, name="report-as"),
]
