from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from operators.models import ApiToken, Role


class Command(BaseCommand):
    help = "Make a bearer token for /api/v1/. It is printed once, on the last line, and stored hashed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the token is for; an earlier token of this name ends")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER)

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(ApiToken.issue(options["name"], Role(options["role"])))
