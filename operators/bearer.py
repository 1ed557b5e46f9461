"""Bearer tokens at the API's door."""

from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from operators.models import ApiToken


class ApiRequest(HttpRequest):
    """A request that `BearerToken` let in."""

    auth: ApiToken


class BearerToken(HttpBearer):
    """Sets `request.auth` to the `ApiToken`; 401 without a known one."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        known = ApiToken.find(token)
        if known is not None:
            now = timezone.now()
            stale = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))  # one write a minute
            ApiToken.objects.filter(stale, pk=known.pk).update(last_used_at=now)
        return known
