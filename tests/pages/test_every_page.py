"""Every page answers, with its sentence first, whether there is something to show or nothing; and nothing is inline."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.models import SessionSample, Turn, VisitSample
from operators.models import Operator
from sessions.models import AvatarProfile, AvatarSession
from tests.pages.conftest import Browse

LISTS = {
    "/": "Nobody is on air.",
    "/sessions/": "No session was ever started.",
    "/sessions/start": "Start a session",
    "/profiles/": "There is no avatar yet.",
    "/profiles/new": "Who shall visitors meet?",
    "/modes/": "ways to run an avatar.",
    "/hosts/": "No avatar host has reported yet.",
    "/reports/": "There is no report yet.",
    "/reports/compare/": "Choose two different modes.",
    "/reports/compare/?kind=periods": "There is nothing to compare yet.",
    "/reports/compare/?kind=sessions": "Which two sessions?",
    "/alerts/": "Nothing is wrong now.",
}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
DRAWN_EMPTY = {"path", "rect", "circle", "line", "polyline", "polygon"}


class Inspector(HTMLParser):
    """Collects what a strict content security policy would block, tags that don't match, and the first heading."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.heading = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and not names.get("src")):
            self.faults.append(f"<{tag}> inline")
        for name, value in attrs:
            if name == "style" or re.fullmatch(r"on[a-z]+", name) or name.startswith("hx-on"):
                self.faults.append(f"{name} on <{tag}>")
            if name in ("href", "src", "action") and (value or "").startswith("javascript:"):
                self.faults.append(f"javascript: on <{tag}>")
        if tag == "img" and "alt" not in names:
            self.faults.append("img without alt")
        if "id" in names:
            self.ids.append(names["id"] or "")
        if tag not in VOID | DRAWN_EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID | DRAWN_EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID | DRAWN_EMPTY:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        if "h1" in self.open:
            self.heading += data


def inspect(client: Client, address: str, status: int = 200) -> str:
    """The page's heading, the page being well-formed and without anything inline."""
    response = client.get(address)
    assert response.status_code == status, (address, response.status_code)
    assert "unsafe" not in response["Content-Security-Policy"]
    inspector = Inspector()
    inspector.feed(response.content.decode())
    assert inspector.faults == [], address
    twice = {name for name in inspector.ids if inspector.ids.count(name) > 1}
    assert not twice, (address, twice)
    return " ".join(inspector.heading.split())


def addresses(full: dict[str, AvatarSession]) -> Iterator[str]:
    yield from (address for address in LISTS if address != "/sessions/start")
    yield from (
        "/sessions/start",
        "/modes/balanced/",
        "/hosts/atlas/",
        f"/profiles/{AvatarProfile.objects.earliest('created_at').code}/",
        f"/profiles/{AvatarProfile.objects.earliest('created_at').code}/scene/",
    )
    yield from (
        "/sessions/?outcome=failed",
        "/sessions/?outcome=reason-failed",
        "/sessions/?outcome=junk&profile=junk&page=99",
    )
    yield from (f"/sessions/{session.code}/" for session in full.values())
    yield from (f"/reports/{session.code}/" for session in full.values())


# The web's process answers without a transaction around it, and PostgreSQL refuses what needs one.
@pytest.mark.django_db(transaction=True)
def test_every_page_says_what_to_do_when_there_is_nothing(browse: Browse, amina: Operator) -> None:
    client = browse(amina)
    for address, sentence in LISTS.items():
        assert sentence in inspect(client, address), address


@pytest.mark.django_db(transaction=True)
def test_every_page_answers_with_its_sentence_and_nothing_inline(
    browse: Browse, amina: Operator, full: dict[str, AvatarSession]
) -> None:
    client = browse(amina)
    for address in addresses(full):
        assert inspect(client, address), f"{address} has no heading"


def test_a_row_of_the_overview_draws_the_last_answers(full: dict[str, AvatarSession], as_amina: Client) -> None:
    for number, first_sound_ms in enumerate((700, None, 1_400, 620)):
        Turn.objects.create(
            session=full["ready"], at=timezone.now() + timedelta(seconds=number), typed=True, language="en", words=4,
            end_of_turn_ms=0, first_sound_ms=first_sound_ms, interrupted=False,
        )  # fmt: skip
    row = as_amina.get("/").content.decode().split('<svg class="av-bars"')[1].split("</div>")[0]
    assert row.count("<rect") == 3
    assert row.count('class="av-over"') == 1
    assert "0.6" in row.split("</svg>")[1]


def test_the_overview_counts_states_and_names_who_needs_somebody(
    browse: Browse, amina: Operator, full: dict[str, AvatarSession]
) -> None:
    assert inspect(browse(amina), "/") == "1 on air, 2 starting, 1 needs you."


def test_fragments_carry_the_ids_that_the_page_swaps(
    browse: Browse, amina: Operator, full: dict[str, AvatarSession]
) -> None:
    client = browse(amina)
    for name in ("header", "readiness", "visitors", "steps", "events", "invite"):
        page = client.get(f"/sessions/{full['ready'].code}/fragments/{name}/").content.decode()
        assert f'id="{name}"' in page, name
        assert "<html" not in page, name
    assert client.get(f"/sessions/{full['ready'].code}/fragments/base/").status_code == 404
    again = client.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "hx-swap-oob" in again
    assert "<html" not in again


def test_pages_of_errors_say_what_happened_and_hold_nothing_inline(browse: Browse, amina: Operator) -> None:
    assert inspect(browse(amina), "/nowhere/", 404) == "There is nothing at this address."
    for address in ("/hosts/nowhere/", "/modes/nothing/", f"/sessions/{'0' * 8}-0000-0000-0000-{'0' * 12}/"):
        inspect(browse(amina), address, 404)


def test_the_doors_hold_nothing_inline(db: None, client: Client) -> None:
    assert inspect(client, "/sign-in/") == "Sign in to mission control."
    assert "too old" in inspect(client, "/first-sign-in/nothing", 410)


def test_names_are_escaped_everywhere(browse: Browse, amina: Operator, full: dict[str, AvatarSession]) -> None:
    evil = '"><script>alert(1)</script>'
    version = full["ready"].profile_version
    type(version).objects.filter(pk=version.pk).update(name=evil, tagline=evil, greeting=evil)
    full["ready"].links.update(label=evil)
    full["ready"].visits.update(name=evil)
    full["ready"].events.update(text=evil, by=evil)
    full["ready"].steps.update(label=evil, metadata={evil: evil}, error=evil)
    AvatarSession.objects.update(state_detail=evil, requested_by=evil)
    client = browse(amina)
    for address in addresses(full):
        assert b"<script>alert" not in client.get(address).content, address
        inspect(client, address)


def test_a_row_of_the_overview_shows_no_cpu_of_a_job_that_fell_silent(
    full: dict[str, AvatarSession], as_amina: Client
) -> None:
    def shown() -> str:
        found = re.search(r"share_percent\">([^<]+)<", as_amina.get("/").content.decode())
        assert found is not None
        return found[1]

    SessionSample.objects.create(session=full["ready"], at=timezone.now(), cpu_percent=24)
    assert shown() == "12"
    full["ready"].samples.filter(at__gt=timezone.now() - timedelta(seconds=10)).delete()
    assert shown() == "–"


def test_charts_get_columns_with_null_for_a_missing_reading(
    browse: Browse, amina: Operator, full: dict[str, AvatarSession]
) -> None:
    client, session = browse(amina), full["ready"]
    session.samples.filter(at=session.samples.earliest("at").at).update(cpu_percent=None)
    data = client.get(f"/sessions/{session.code}/samples.json").json()
    assert data["cores"] == 2
    assert len(data["host"]["at"]) == 20
    assert data["session"]["cpu_percent"][0] is None
    assert data["session"]["cpu_percent"][1] == 24
    assert [mark["label"] for mark in data["marks"] if not mark["minor"]] == ["Late frames"]
    assert client.get(f"/sessions/{session.code}/samples.json?whole").status_code == 200
    assert len(client.get("/hosts/atlas/samples.json").json()["host"]["steal_percent"]) == 20


def test_the_readings_of_a_long_session_are_thinned_out_and_none_of_its_freezes_is_lost(
    full: dict[str, AvatarSession], as_amina: Client
) -> None:
    session = full["ended"]
    VisitSample.objects.bulk_create(
        VisitSample(
            session=session, identity="dana", at=session.requested_at + timedelta(seconds=10 * n + 1), fps=25,
            freezes=int(n % 100 == 1), freeze_ms=250 * int(n % 100 == 1),
        )
        for n in range(850)
    )  # fmt: skip
    visits = as_amina.get(f"/sessions/{session.code}/samples.json?whole").json()["visits"]
    assert (len(visits["at"]), sum(visits["freezes"]), sum(visits["freeze_ms"])) == (425, 9, 2_250)


def test_a_report_can_be_taken_away(browse: Browse, amina: Operator, full: dict[str, AvatarSession]) -> None:
    client, code = browse(amina), full["ended"].code
    assert client.get(f"/reports/{code}/report.json").json()["verdict"]
    assert "ALL STEPS" in client.get(f"/reports/{code}/report.txt").content.decode()
    assert client.get(f"/reports/{code}/report.exe").status_code == 404
