"""The drawn faces of the built-in renderer that a profile may choose, and their pictures."""

from typing import Final

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from sessions.models import ProfileVersion

DEFAULT_PRESENTER: Final = "presenter"
PRESENTERS: Final = {
    "presenter": _("Woman with brown hair, in the studio"),
    "omar": _("Man with a ghutra, in the lobby"),
}


def portrait_url(version: ProfileVersion) -> str:
    """Address of the still picture of the profile's face; the default face where the profile names an unknown one."""
    name = version.presenter if version.presenter in PRESENTERS else DEFAULT_PRESENTER
    return static(f"img/presenters/{name}.jpg")
