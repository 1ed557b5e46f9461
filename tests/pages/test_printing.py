"""A report on paper: its summary is one A4 page, however much happened."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from playwright.sync_api import Browser
from pypdf import PdfReader
from pytest_django.live_server_helper import LiveServer

from monitoring.actions.reporting import make_report
from monitoring.models import Hitch, HitchCause, ProviderReading
from operators.models import Operator
from sessions.models import Absence, AvatarSession, EndReason, ModeSwitch, ModeVersion, SwitchOutcome
from tests.many_sessions import Past
from tests.pages.conftest import Browse, page_of
from tests.visitor.conftest import browser

__all__ = ["browser"]
pytestmark = pytest.mark.once

A4_POINTS = (595, 842)
LONG = "It did not answer within 20 s, and neither did it when it was asked again; its status page says nothing of it."


@pytest.fixture
def eventful(demo: None) -> AvatarSession:
    """Ten minutes in which all went wrong that can, over and over, and its report."""
    past = Past()
    begun = timezone.now() - timedelta(minutes=20)
    session = past.session(begun, seconds=600, turns=30, mode="balanced", host="atlas", steal_at=(120, 240, 400))
    past.host_seconds("atlas", begun, 600, steal_at=(120, 240, 400))
    past.rows.write()
    ends = [begun + timedelta(seconds=30 + 40 * place) for place in range(14)]
    for at, cause in zip(ends, [*HitchCause] * 3, strict=False):
        Hitch.objects.create(session=session, at=at, until=at, kind="turn", cause=cause, took_ms=1_900, usual_ms=700)
        ProviderReading.objects.create(session=session, at=at, provider="tavus", joined_ms=1_240, voice_delay_ms=500)
        Absence.objects.create(
            session=session, attempt=1, provider="tavus", began_at=at, back_at=at + timedelta(seconds=20),
            causes_json=[
                {"at": at.isoformat(), "provider": "tavus", "code": "no_answer", "sentence": LONG, "tries": tries}
                for tries in range(1, 13)
            ],
            stand_ins_json=[
                {"at": at.isoformat(), "provider": provider, "took_ms": 300}
                for provider in ("still", "bey", "builtin") * 4
            ],
        )  # fmt: skip
    versions = [ModeVersion.objects.filter(mode__slug=slug).latest("number") for slug in ("balanced", "stable")]
    for place, at in enumerate(ends):
        ModeSwitch.objects.create(
            session=session, from_version=versions[place % 2], to_version=versions[(place + 1) % 2],
            requested_by="Amina", requested_at=at, outcome=SwitchOutcome.APPLIED, gap_ms=90, reason=LONG, detail=LONG,
        )  # fmt: skip
    for provider in ("bey", "bithuman"):
        ProviderReading.objects.create(session=session, at=begun, provider=provider, joined_ms=900, voice_delay_ms=400)
    session.end_reason, session.state_detail = EndReason.PROVIDER_FAILED, (4 * LONG)[:500]
    session.save()
    make_report(session)
    return session


def test_the_printed_summary_of_a_report_is_one_a4_page_whatever_happened(
    browser: Browser, browse: Browse, amina: Operator, eventful: AvatarSession, live_server: LiveServer
) -> None:
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/reports/{eventful.code}/")
        page.evaluate("document.fonts.ready")
        sheets = PdfReader(BytesIO(page.pdf(prefer_css_page_size=True, print_background=True))).pages
    assert len(sheets) == 1
    assert (round(sheets[0].mediabox.width), round(sheets[0].mediabox.height)) == A4_POINTS
    words = " ".join(sheets[0].extract_text().split())
    for heading in ("Start-up", "Answers", "Hitches by cause", "Host, whole session", "Switches", "Avatar lost"):
        assert heading in words
    assert words.count("and 13 more") == 2, "of 14 switches and 14 losses one stands there"
    assert words.count("and 12 more") == 1, "of 15 modes that followed each other three stand there"
    assert words.count("and 10 more") == 1, "of a dozen tries two stand there"
