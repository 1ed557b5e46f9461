"""Pictures of the drawn faces."""

from django.templatetags.static import static

from protocol.jobspec import DEFAULT_PRESENTER
from sessions.models import ProfileVersion
from sessions.providers import PRESENTERS


def portrait_url(version: ProfileVersion) -> str:
    """Address of the still picture of the profile's face; the default face where the profile names an unknown one."""
    name = version.presenter if version.presenter in PRESENTERS else DEFAULT_PRESENTER
    return static(f"img/presenters/{name}.jpg")
