"""LiveKit's signed webhooks: facts about rooms and participants, one input of several."""

import logging
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from livekit import api

from sessions.actions.progress import record_visitor_joined, record_visitor_left
from sessions.models import Visit

logger = logging.getLogger(__name__)


@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class LiveKitWebhook(View):
    """Takes an event whose signature is LiveKit's; anything else is refused with 401."""

    def post(self, request: HttpRequest) -> HttpResponse:
        receiver = api.WebhookReceiver(api.TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET))
        try:
            event = receiver.receive(request.body.decode(), request.headers.get("Authorization", ""))
        except Exception as error:  # the verifier raises jwt, protobuf and plain errors alike
            logger.warning("refused a webhook that LiveKit did not sign: %s", type(error).__name__)
            return HttpResponse("Refused: this webhook is not signed by our LiveKit server.", status=401)
        handle(event)
        return HttpResponse(status=204)


def handle(event: Any) -> None:
    """Note who came and went."""
    visit = Visit.objects.select_related("session", "link").filter(identity=event.participant.identity).first()
    if visit is None or visit.session.room != event.room.name:
        return
    at = datetime.fromtimestamp(event.created_at, UTC) if event.created_at else timezone.now()
    code = str(visit.session.code)
    if event.event == "participant_joined":
        record_visitor_joined(code, visit.identity, at)
    elif event.event == "participant_left":
        record_visitor_left(code, visit.identity, at)
