"""Pictures of the faces that profiles wear."""

from django.templatetags.static import static
from django.urls import reverse

from protocol.jobspec import DEFAULT_PRESENTER
from sessions.models import ProfileVersion
from sessions.models.profiles import Provider
from sessions.providers.choices import PRESENTERS


def portrait_url(version: ProfileVersion) -> str:
    """Address of the still picture of the profile's face; the default face where the profile names an unknown one."""
    if version.provider == Provider.TEST_CARD:
        return static("img/test-card.jpg")
    if version.portrait:
        return reverse("sessions:face", args=[version.portrait])
    name = version.presenter if version.presenter in PRESENTERS else DEFAULT_PRESENTER
    return static(f"img/presenters/{name}.jpg")
