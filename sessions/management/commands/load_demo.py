from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import gettext_noop

from protocol.voices import CEDAR
from sessions.actions.modes import load_built_in_modes
from sessions.actions.profiles import create_profile
from sessions.demo import museum
from sessions.knowledge.store import keep_knowledge
from sessions.models import AvatarProfile

MODE_DESCRIPTIONS: Final = {
    "ultra-low-latency": gettext_noop("Quickest to answer, smaller picture"),
    "balanced": gettext_noop("Right for most rooms"),
    "stable": gettext_noop("Rides out a poor network"),
    "constrained": gettext_noop("For a weak or starved host"),
    "exhibition": gettext_noop("Large screen, best picture"),
}
PROFILES: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Maryam",
        "tagline": "Your guide to the Old Harbour Museum. Ask about anything you see here.",
        "persona": "Maryam is a warm, exact museum guide who answers in two or three short sentences.",
        "greeting": "Hello, and welcome to the Old Harbour Museum. I am Maryam. What would you like to see first?",
        "language": "en",
        "provider_settings": {"presenter": "maryam", "scene": "museum-hall", "tv": "slides"},
        "knows_the_museum": True,
    },
    {
        "name": "مريم",
        "tagline": "مرشدتك في متحف الميناء القديم. اسأل عن كل ما تراه هنا.",
        "persona": "مريم مرشدة متحف ودودة ودقيقة، تجيب في جملتين أو ثلاث جمل قصيرة.",
        "greeting": "أهلًا وسهلًا بك في متحف الميناء القديم. أنا مريم. ماذا تودّ أن ترى أولًا؟",
        "language": "ar",
        "provider_settings": {"presenter": "maryam", "scene": "museum-hall", "tv": "slides"},
        "knows_the_museum": True,
    },
    {
        "name": "Omar",
        "tagline": "Ask me where to go and whom to meet.",
        "persona": "Omar is a courteous host in a lobby who gives directions in one sentence.",
        "greeting": "Good day, and welcome. I am Omar. Tell me whom you are visiting, and I will show you the way.",
        "language": "en",
        "voice": CEDAR,
        "provider_settings": {"presenter": "omar", "scene": "lobby"},
        "knows_the_museum": False,
    },
)
STAND_INS: Final[tuple[dict[str, Any], ...]] = (  # by ids that the stand-ins know
    {
        "name": "Noor by bitHuman",
        "provider": "bithuman",
        "provider_settings": {"avatar_id": "A23WJF0199"},
    },
    {
        "name": "Noor by Tavus",
        "provider": "tavus",
        "provider_settings": {"pal_id": "pb87e71797da", "face_id": "r4067604db72"},
    },
    {
        "name": "Noor by Beyond Presence",
        "provider": "bey",
        "provider_settings": {"avatar_id": "b9be11b8-89fb-4227-8f86-4a881393cbdb"},
    },
)


class Command(BaseCommand):
    help = (
        "Load the five built-in modes and, into an install without profiles, the demo profiles; where stand-ins of hosted "
        "avatars run, a profile for each of them. Safe to run again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        load_built_in_modes(MODE_DESCRIPTIONS)
        if not AvatarProfile.objects.exists():
            self._load_profiles()
        if settings.HAS_STAND_INS:
            self._load_stand_ins()

    def _load_stand_ins(self) -> None:
        """One profile a vendor, each ready to be switched to the other two."""
        known = {each["provider"]: each["provider_settings"] for each in STAND_INS} | {
            "builtin": {"presenter": "maryam"}
        }
        for profile in STAND_INS:
            if AvatarProfile.objects.filter(current__provider=profile["provider"]).exists():
                continue
            own = {
                "tagline": "A stand-in: what a hosted avatar does, without an account.",
                "persona": "Noor shows what a hosted avatar does, in one or two sentences.",
                "greeting": "Hello. I am Noor. My face is drawn by a stand-in, and all the rest is real.",
                "fallback": "builtin",
                "other_settings": {name: each for name, each in known.items() if name != profile["provider"]},
            }
            create_profile({**profile, **own}, by="")

    def _load_profiles(self) -> None:
        knowledge = keep_knowledge(museum())
        for profile in PROFILES:
            fields = {name: value for name, value in profile.items() if name != "knows_the_museum"}
            fields["knowledge"] = knowledge if profile["knows_the_museum"] else ""
            create_profile(fields, by="")
