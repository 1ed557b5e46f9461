"""The REST API under `/api/v1/`: what automation may do, with bearer tokens. Documentation at `/api/v1/docs`."""

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI

from monitoring import standstill
from monitoring.reports.api import router as report_router
from monitoring.samples.api import router as monitoring_router
from operators.bearer import BearerToken
from sessions.api import router as sessions_router
from sessions.errors import SessionError

api = NinjaAPI(title="Avatary", version="1", auth=BearerToken(), urls_namespace="api", description=__doc__ or "")
api.add_router("", sessions_router)
api.add_router("", monitoring_router)
api.add_router("", report_router)


@api.exception_handler(SessionError)
def refuse(request: HttpRequest, error: SessionError) -> HttpResponse:
    return api.create_response(request, {"detail": str(error), "code": error.code}, status=error.status)


@api.exception_handler(PermissionDenied)
def deny(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    return api.create_response(request, {"detail": str(error), "code": "forbidden"}, status=403)


@api.exception_handler(ValidationError)
def reject(request: HttpRequest, error: ValidationError) -> HttpResponse:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    sentences = [f"{field}: {text}" if field else text for field, texts in by_field.items() for text in texts]
    return api.create_response(request, {"detail": " ".join(sentences), "code": "invalid"}, status=422)


@api.exception_handler(RequestDataTooBig)
def measure(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    most_mib = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
    detail = _("The request is larger than %(most)d MB; nothing of it was taken. Send less at once.") % {
        "most": most_mib
    }
    return api.create_response(request, {"detail": detail, "code": "too_large"}, status=413)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def postpone(request: HttpRequest, error: OperationalError | InterfaceError) -> HttpResponse:
    cause = standstill.why(error)
    if cause is None:
        raise error
    detail = " ".join(standstill.refusal(cause))
    return api.create_response(request, {"detail": detail, "code": f"database_{cause}"}, status=503)
