"""`manage.py report CODE`: a session's report as text."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from monitoring.reports.report import report_of
from monitoring.reports.text import as_text
from sessions.models import AvatarSession


class Command(BaseCommand):
    help = "Prints the performance report of a session."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("code", help="The session's code, as in the address of its page.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            session = AvatarSession.objects.get(code=options["code"])
        except (AvatarSession.DoesNotExist, ValidationError):
            raise CommandError(f"There is no session {options['code']}. `GET /api/v1/sessions` lists all.") from None
        self.stdout.write(as_text(report_of(session)))
