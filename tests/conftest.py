"""The fixed cast and what most tests need."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from operators.models import ApiToken, Operator, Role
from sessions.actions.lifecycle import start_session
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode


def make_operator(username: str, role: Role) -> Operator:
    return Operator.objects.create_user(username=username, first_name=username.title(), role=role)


@pytest.fixture
def amina(db: None) -> Operator:
    """An operator."""
    return make_operator("amina", Role.OPERATOR)


@pytest.fixture
def basil(db: None) -> Operator:
    """A viewer."""
    return make_operator("basil", Role.VIEWER)


@pytest.fixture
def clara(db: None) -> Operator:
    """An admin."""
    return make_operator("clara", Role.ADMIN)


@pytest.fixture
def demo(db: None) -> None:
    """The demo content."""
    call_command("load_demo")


@pytest.fixture
def guide(demo: None) -> AvatarProfile:
    """Maryam, the museum guide in English."""
    return AvatarProfile.objects.get(current__name="Maryam")


@pytest.fixture
def balanced(demo: None) -> DeploymentMode:
    return DeploymentMode.objects.get(slug="balanced")


@pytest.fixture
def start(guide: AvatarProfile, balanced: DeploymentMode) -> Callable[..., AvatarSession]:
    """Start a session of the museum guide in balanced mode."""

    def start(**options: Any) -> AvatarSession:
        return start_session(**{"profile": guide, "mode": balanced, "by": "Amina", **options})

    return start


@pytest.fixture
def session(start: Callable[..., AvatarSession]) -> AvatarSession:
    """A session that was just requested."""
    return start()


@pytest.fixture
def as_amina(client: Client, amina: Operator) -> Client:
    client.force_login(amina)
    return client


@pytest.fixture
def api_as(db: None) -> Callable[[Role], Client]:
    """A client that sends the bearer token of a role."""

    def api_as(role: Role) -> Client:
        token = ApiToken.issue(f"test {role}", role)
        return Client(headers={"authorization": f"Bearer {token}"})

    return api_as
