from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse

from operators.models import Operator, Role, SignInLink


class Command(BaseCommand):
    help = "Print a link, good for one use within a day, that signs somebody in and sets their password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="admin", help="made if it is not there yet")
        parser.add_argument("--role", choices=Role.values, default=Role.ADMIN, help="of somebody who is made")

    def handle(self, *args: Any, **options: Any) -> None:
        operator, created = Operator.objects.get_or_create(
            username=options["username"], defaults={"role": options["role"]}
        )
        if created:
            operator.set_unusable_password()
            operator.save()
        token = SignInLink.issue(operator)
        self.stdout.write(settings.PUBLIC_URL + reverse("operators:first-sign-in", args=[token]))
