"""What can go wrong when sessions are asked for something. `str(error)` is a sentence for people, `code` a word for programs."""

from collections.abc import Mapping

from django.utils.translation import gettext as _


class SessionError(Exception):
    """Base of all refusals. HTTP answers with `status`."""

    code = "refused"
    status = 409


class CapacityReached(SessionError):
    code = "capacity"

    def __init__(self, host: str, limit: int) -> None:
        super().__init__(
            _(
                "Nothing was started: %(host)s already runs its limit of %(limit)d sessions. "
                "Stop one first, or raise AVATARY_MAX_SESSIONS_PER_HOST."
            )
            % {"host": host, "limit": limit}
        )


class HostDrained(SessionError):
    code = "host_drained"

    def __init__(self, host: str, by: str) -> None:
        super().__init__(
            _("%(host)s takes no new sessions, since %(by)s drained it. Its page lets it take new ones again.")
            % {"host": host, "by": by}
        )


class Archived(SessionError):
    code = "archived"

    def __init__(self, name: str) -> None:
        super().__init__(_("Nothing was changed: “%(name)s” is archived. Choose another one.") % {"name": name})


class BuiltIn(SessionError):
    code = "built_in"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("Nothing was changed: “%(name)s” is built in. Copy it and change the copy.") % {"name": name}
        )


class Contradictory(SessionError):
    """Settings that can't be together. `problems` has a sentence by setting."""

    code = "contradictory"
    status = 422

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(_("Nothing was kept:") + " " + " ".join(problems.values()))


class SessionIsOver(SessionError):
    code = "session_ended"

    def __init__(self) -> None:
        super().__init__(_("Nothing was changed: this session has ended. Start a new one."))


class NotOverYet(SessionError):
    code = "not_over_yet"

    def __init__(self) -> None:
        super().__init__(_("Nothing was deleted: this session is not over yet. Stop it first."))


class StillBilled(SessionError):
    code = "still_billed"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Nothing was deleted: an avatar of this session may still run at its provider, and is being ended there. "
                "Try again in some minutes."
            )
        )


class NotOnAir(SessionError):
    code = "not_on_air"

    def __init__(self) -> None:
        super().__init__(_("Nothing was changed: this session shows no picture yet. Switch its mode once it is ready."))


class SwitchUnderWay(SessionError):
    code = "switch_under_way"

    def __init__(self, mode: str, by: str) -> None:
        super().__init__(
            _("Nothing was changed: %(by)s is just switching this session to “%(mode)s”. Look at it, then try again.")
            % {"mode": mode, "by": by}
        )


class ProviderNotSetUp(SessionError):
    code = "provider_not_set_up"

    def __init__(self, provider: str) -> None:
        super().__init__(
            _(
                "Nothing was changed: the profile has no settings for %(provider)s. Keep them in the profile, then start anew."
            )
            % {"provider": provider}
        )


class AlreadyInMode(SessionError):
    code = "already_in_mode"

    def __init__(self, mode: str) -> None:
        super().__init__(_("Nothing was changed: this session has “%(mode)s” already.") % {"mode": mode})


class UnknownHost(SessionError):
    code = "unknown_host"
    status = 422

    def __init__(self, host: str) -> None:
        super().__init__(_("Nothing was checked: no avatar host is called “%(host)s”.") % {"host": host})


class UploadRefused(SessionError):
    """A file that is not taken."""

    code = "upload_refused"
    status = 422

    def __init__(self, sentence: str) -> None:
        super().__init__(_("Nothing was kept:") + " " + sentence)


class PieceOutOfPlace(SessionError):
    """Another piece of the upload is awaited: the one at `received_bytes`."""

    code = "piece_out_of_place"

    def __init__(self, received_bytes: int) -> None:
        super().__init__(
            _("Another piece of this file is awaited: the one from byte %(n)d on.") % {"n": received_bytes}
        )
        self.received_bytes = received_bytes


class PortraitNotReady(SessionError):
    code = "portrait_not_ready"

    def __init__(self, name: str) -> None:
        super().__init__(_("Nothing was changed: “%(name)s” is not ready to be worn.") % {"name": name})


class PortraitBusy(SessionError):
    code = "portrait_busy"

    def __init__(self, name: str) -> None:
        super().__init__(
            _("Nothing was changed: “%(name)s” is being prepared. Wait until that is done.") % {"name": name}
        )


class PortraitWorn(SessionError):
    code = "portrait_worn"

    def __init__(self, name: str, wearers: list[str]) -> None:
        super().__init__(
            _("Nothing was removed: %(profiles)s wears “%(name)s”. Choose another face there first.")
            % {"name": name, "profiles": ", ".join(f"“{wearer}”" for wearer in wearers)}
        )


class PortraitOnAir(SessionError):
    code = "portrait_on_air"

    def __init__(self, name: str, sessions: int) -> None:
        super().__init__(
            _("Nothing was removed: “%(name)s” is on air in %(n)d session(s). Stop them first.")
            % {"name": name, "n": sessions}
        )


class LinkError(SessionError):
    """A visitor link that lets nobody in. `title` and `hint` are for the visitor's page."""

    status = 410
    title = ""
    hint = ""


class LinkNotFound(LinkError):
    code = "not_found"
    status = 404

    def __init__(self) -> None:
        self.title = _("This link is not known")
        self.hint = _("Please check that the whole address was copied, or ask for a new link.")
        super().__init__(_("This link is not known. Please check the address, or ask for a new link."))


class LinkExpired(LinkError):
    code = "expired"

    def __init__(self) -> None:
        self.title = _("This link has expired")
        self.hint = _("Please ask at the information desk for a new one.")
        super().__init__(_("This link has expired. Please ask for a new one."))


class LinkRevoked(LinkError):
    code = "revoked"

    def __init__(self) -> None:
        self.title = _("This link was withdrawn")
        self.hint = _("Please ask at the information desk for a new one.")
        super().__init__(_("This link was withdrawn. Please ask for a new one."))


class LinkUsedUp(LinkError):
    code = "used_up"

    def __init__(self) -> None:
        self.title = _("This link has been used already")
        self.hint = _("Please ask at the information desk for a new one.")
        super().__init__(_("This link has been used as often as it allows. Please ask for a new one."))


class LinkSessionEnded(LinkError):
    code = "session_ended"

    def __init__(self) -> None:
        self.title = _("This conversation is over")
        self.hint = _("Please ask at the information desk for a new link.")
        super().__init__(_("The conversation behind this link is over. Please ask for a new link."))


class SessionBusy(LinkError):
    code = "busy"
    status = 429

    def __init__(self) -> None:
        self.title = _("Others are talking now")
        self.hint = _("Please try again in a minute; this link stays good.")
        super().__init__(_("As many visitors as fit are here now. Please try again in a minute; this link stays good."))


class LiveKitError(Exception):
    """The LiveKit server refused or did not answer. `retryable` where a further try may help."""

    def __init__(self, sentence: str, *, retryable: bool) -> None:
        super().__init__(sentence)
        self.retryable = retryable
