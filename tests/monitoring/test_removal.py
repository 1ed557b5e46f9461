"""A session that is over is deleted for good, by an admin alone."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.models import SessionDigest
from operators.models import Operator, Role
from sessions.models import AvatarSession, ProviderConversation
from tests.monitoring.conftest import Ended

pytestmark = pytest.mark.django_db

ApiAs = Callable[[Role], Client]


def test_a_session_goes_with_its_report_and_all_that_was_measured(
    client: Client, amina: Operator, clara: Operator, ended: Ended
) -> None:
    code = ended().session.code
    address = f"/reports/{code}/delete"
    client.force_login(amina)
    assert address not in client.get(f"/reports/{code}/").content.decode()
    assert client.post(address).status_code == 403
    client.force_login(clara)
    assert address in client.get(f"/reports/{code}/").content.decode()
    assert "its report are deleted" in client.post(address, follow=True).content.decode()
    assert not AvatarSession.objects.exists()
    assert not SessionDigest.objects.exists()
    assert client.get(f"/reports/{code}/").status_code == 404


def test_what_runs_or_may_still_be_billed_is_kept(api_as: ApiAs, session: AvatarSession, ended: Ended) -> None:
    admin = api_as(Role.ADMIN)
    assert api_as(Role.OPERATOR).delete(f"/api/v1/sessions/{session.code}").status_code == 403
    refused = admin.delete(f"/api/v1/sessions/{session.code}")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_over_yet")
    over = ended().session
    ProviderConversation.objects.create(session=over, provider="tavus", attempt=1, opened_at=timezone.now())
    assert admin.delete(f"/api/v1/sessions/{over.code}").json()["code"] == "still_billed"
    ProviderConversation.objects.update(ended_at=timezone.now())
    assert admin.delete(f"/api/v1/sessions/{over.code}").status_code == 204
    assert not AvatarSession.objects.filter(pk=over.pk).exists()
