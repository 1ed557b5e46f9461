from typing import Any, Final

from django.core.management.base import BaseCommand
from django.utils.translation import gettext_noop

from sessions.actions.modes import load_built_in_modes
from sessions.actions.profiles import create_profile
from sessions.models import AvatarProfile

MODE_DESCRIPTIONS: Final = {
    "ultra-low-latency": gettext_noop("Quickest to answer, smaller picture"),
    "balanced": gettext_noop("Right for most rooms"),
    "stable": gettext_noop("Rides out a poor network"),
    "constrained": gettext_noop("For a weak or starved host"),
    "exhibition": gettext_noop("Large screen, best picture"),
}
PROFILES: Final = (
    {
        "name": "Museum guide",
        "tagline": "Your guide to the museum. Ask about anything you see here.",
        "persona": "A warm, exact museum guide who answers in two or three short sentences.",
        "greeting": "Hello, and welcome to the Old Harbour Museum. I am glad you came. What would you like to see first?",
        "language": "en",
        "provider_settings": {"presenter": "presenter"},
    },
    {
        "name": "Lobby host",
        "tagline": "Ask me where to go and whom to meet.",
        "persona": "A courteous host in a lobby who gives directions in one sentence.",
        "greeting": "Good day, and welcome. Tell me whom you are visiting, and I will show you the way.",
        "language": "en",
        "provider_settings": {"presenter": "omar"},
    },
)


class Command(BaseCommand):
    help = "Load the five built-in modes and, into an install without profiles, two demo profiles. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        load_built_in_modes(MODE_DESCRIPTIONS)
        if not AvatarProfile.objects.exists():
            for fields in PROFILES:
                create_profile(fields, by="")
