"""The fixed cast and what most tests need."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import transaction
from django.db.models import Model
from django.test import Client
from playwright.sync_api import expect

from operators.models import ApiToken, Operator, Role
from sessions import assets
from sessions.actions.lifecycle import start_session
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode
from tests.services import PAGE_LIMIT_MS

expect.set_options(timeout=PAGE_LIMIT_MS)


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


@dataclass
class Demo:
    """The demo content as it was loaded: rows of each model, and the files that they name."""

    rows: list[list[Model]]
    files: list[bytes]

    @classmethod
    def load(cls) -> "Demo":
        models = apps.get_app_config(AvatarProfile._meta.app_label).get_models()
        with patch.object(assets, "keep", wraps=assets.keep) as keep:
            call_command("load_demo")
        everything = [list(model._default_manager.all()) for model in models]
        return cls([rows for rows in everything if rows], [call.args[0] for call in keep.call_args_list])

    def write(self) -> None:
        for content in self.files:
            assets.keep(content)
        with transaction.atomic():  # rows of one model name those of another
            for rows in self.rows:
                type(rows[0])._default_manager.bulk_create(rows)


@pytest.fixture(scope="session")
def loaded_demo() -> list[Demo]:
    """The demo content, once it was loaded."""
    return []


@pytest.fixture
def demo(db: None, loaded_demo: list[Demo]) -> None:
    """The demo content; loaded once, then written as it was."""
    if loaded_demo:
        loaded_demo[0].write()
    else:
        loaded_demo.append(Demo.load())


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
