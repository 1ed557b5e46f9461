"""`/healthz`: this process answers. `/readyz`: each thing that it needs, with its latency."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from redis import Redis, RedisError

from sessions import livekit
from sessions.errors import LiveKitError
from sessions.models import AgentWorker


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where every dependency answers, 503 otherwise, with latency or reason of each."""
    checks = {name: _measure(check) for name, check in CHECKS.items()}
    ready = all(check["ok"] for check in checks.values())
    response = JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503
    )
    response._has_been_logged = True  # type: ignore[attr-defined]  # a probe's 503 is an answer, not an error of ours
    return response


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM avatar_sessions_agentworker LIMIT 1")


def _redis() -> None:
    with Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()


def _host() -> None:
    newest = AgentWorker.objects.order_by("-host_seen_at").values_list("host_seen_at", flat=True).first()
    if newest is None or (age_s := (timezone.now() - newest).total_seconds()) > 10:
        raise LookupError("no avatar host has reported yet" if newest is None else f"last report {age_s:.0f} s ago")


def _agent_worker() -> None:
    if not any(worker.is_up for worker in AgentWorker.objects.all()):
        raise LookupError("no agent worker is running; one is started within seconds where Celery runs")


CHECKS: dict[str, Callable[[], object]] = {
    "database": _database,
    "redis": _redis,
    "livekit": livekit.is_reachable,
    "telemetry": _host,
    "agent_worker": _agent_worker,
}
EXPECTED = (DatabaseError, RedisError, LiveKitError, LookupError, OSError)


def _measure(check: Callable[[], object]) -> dict[str, object]:
    begun = time.perf_counter()
    try:
        check()
    except EXPECTED as error:
        return {"ok": False, "error": str(error)[:300]}
    return {"ok": True, "latency_ms": round((time.perf_counter() - begun) * 1000, 1)}
