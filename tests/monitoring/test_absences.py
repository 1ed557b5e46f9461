"""What a report tells of a provider that was away: each loss with its code, the chain, the still picture, the return."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from monitoring.ingest.ingester import Ingester
from monitoring.reports.csv_file import as_csv
from monitoring.reports.report import summarize
from monitoring.reports.text import as_text
from protocol import events
from sessions.models import AvatarSession
from tests.monitoring.conftest import Writer
from tests.monitoring.test_ingest import drain

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def away(ingester: Ingester, job: Writer, on_air: AvatarSession, begin: Callable[[], None]) -> AvatarSession:
    """Tavus left, was asked twice, and is back after nine seconds; then it left again and stayed away."""
    job.at -= timedelta(seconds=30)
    begin()
    job.write(events.AvatarLost, provider="tavus", code="left", sentence="It left the room.", tries=1, again_in_s=1)
    job.at += timedelta(milliseconds=299)
    job.write(events.AvatarTakenOver, provider="still", took_ms=300)
    job.at += timedelta(seconds=3)
    job.write(events.AvatarLost, provider="tavus", code="provider_error", sentence="Tavus failed (500).", tries=2)
    job.write(events.AvatarTakenOver, provider="builtin", took_ms=3_400)
    job.at += timedelta(seconds=6)
    job.write(events.AvatarBack, provider="tavus", away_ms=9_300)
    job.write(events.AvatarLost, provider="tavus", code="left", sentence="It left the room.", tries=1)
    job.write(events.AvatarTakenOver, provider="still", took_ms=120)
    drain(ingester)
    on_air.refresh_from_db()
    return on_air


def test_each_loss_is_counted_by_its_code_with_its_chain_the_still_picture_and_the_return(away: AvatarSession) -> None:
    summary = summarize(away)
    assert summary.losses == {"left": 2, "provider_error": 1}
    first, second = summary.absences
    assert [(cause.code, cause.tries) for cause in first.causes] == [("left", 1), ("provider_error", 2)]
    assert [each.provider for each in first.stand_ins] == ["still", "builtin"]
    assert first.still_s == pytest.approx(3.0, abs=0.01)
    assert first.came_back
    assert first.away_s == pytest.approx(9.3, abs=0.01)
    assert (second.came_back, second.still_s > 0) == (False, True)


def test_page_text_csv_and_json_tell_of_it(away: AvatarSession, as_amina: Client) -> None:
    page = as_amina.get(f"/reports/{away.code}/").content.decode()
    for words in ("Avatar lost", "Left the room: 2", "back after 9.3 s", "did not come back", "provider_error"):
        assert words in page
    summary = summarize(away)
    assert "Tavus [provider_error]: Tavus failed (500)." in as_text(summary)
    assert ",provider_error," in as_csv(summary).replace("avatar lost", "")
    kept = json.loads(summary.model_dump_json())
    assert kept["losses"] == {"left": 2, "provider_error": 1}


def test_what_a_hosted_avatar_took_stands_on_the_live_page_and_in_the_report(
    ingester: Ingester, job: Writer, away: AvatarSession, as_amina: Client
) -> None:
    job.write(events.ProviderMeasured, provider="tavus", answered_ms=310, joined_ms=1_240)
    for delay_ms in (400, 500, 600):
        job.write(events.ProviderMeasured, provider="tavus", voice_delay_ms=delay_ms)
    drain(ingester)
    (line,) = summarize(away).hosted
    assert (line.joined_ms.median, line.voice_delay_ms.median, line.absences) == (1_240, 500, 2)  # type: ignore[union-attr]
    for address in (f"/sessions/{away.code}/", f"/reports/{away.code}/"):
        page = as_amina.get(address).content.decode().replace("\u00a0", " ")
        assert "in the room 1.24 s after the order" in page
        assert "speaks 500 ms after it is sent the sound, p95 590 ms (3 speeches)" in page
        assert "away 2 times" in page
    assert '"hosted avatar, tavus",voice_delay median,,500' in as_csv(summarize(away))
    assert "Tavus: in the room" in as_text(summarize(away))


def test_a_session_whose_avatar_stayed_says_nothing_of_it(
    ingester: Ingester, on_air: AvatarSession, begin: Callable[[], None], as_amina: Client
) -> None:
    begin()
    drain(ingester)
    assert summarize(on_air).losses == {}
    assert "Avatar lost" not in as_amina.get(f"/reports/{on_air.code}/").content.decode()
