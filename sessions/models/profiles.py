"""Avatar profiles and deployment modes: what an operator edits, kept in versions that sessions hold on to."""

import uuid
from typing import Any

from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from protocol.jobspec import DEFAULT_PRESENTER, MAX_GREETING_CHARS, MAX_PERSONA_CHARS, ProfileSpec
from protocol.modes import ModeSettings


class Language(models.TextChoices):
    ENGLISH = "en", "English"
    ARABIC = "ar", "العربية"


class Provider(models.TextChoices):
    """Who draws the face."""

    BUILT_IN = "builtin", _("Built-in")
    TEST_CARD = "test-card", _("Test card")
    BITHUMAN = "bithuman", "bitHuman"
    TAVUS = "tavus", "Tavus"
    BEY = "bey", "Beyond Presence"


class AvatarProfile(models.Model):
    """An avatar that operators can start. What it says and shows stands in its versions; the newest is `current`."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    current = models.OneToOneField(
        "ProfileVersion", null=True, on_delete=models.PROTECT, related_name="current_of", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.current.name if self.current else str(self.code)


class ProfileVersion(models.Model):
    """One version of a profile; never changed once written."""

    profile = models.ForeignKey(AvatarProfile, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    name = models.CharField(_("name"), max_length=80)
    tagline = models.CharField(
        _("one line for visitors"),
        max_length=160,
        blank=True,
        help_text=_("Stands under the name on the visitor's page."),
    )
    persona = models.TextField(
        _("persona"),
        max_length=MAX_PERSONA_CHARS,
        validators=[MaxLengthValidator(MAX_PERSONA_CHARS)],  # a text field's own limit binds forms only
        blank=True,
        help_text=_("Who the avatar is and how it talks."),
    )
    greeting = models.TextField(
        _("greeting"),
        max_length=MAX_GREETING_CHARS,
        validators=[MaxLengthValidator(MAX_GREETING_CHARS)],
        help_text=_("Said to a visitor as soon as they see the face."),
    )
    language = models.CharField(_("language"), max_length=8, choices=Language.choices, default=Language.ENGLISH)
    voice = models.CharField(_("voice"), max_length=80, default="heart")
    provider = models.CharField(_("provider"), max_length=40, choices=Provider.choices, default=Provider.BUILT_IN)
    provider_settings = models.JSONField(_("provider settings"), default=dict, blank=True)
    fallback = models.CharField(_("takes over"), max_length=40, choices=Provider.choices, blank=True)
    other_settings = models.JSONField(default=dict, blank=True, editable=False)  # by provider, of those not chosen
    knowledge = models.CharField(max_length=64, blank=True, editable=False)  # sha256 of the asset, `protocol.knowledge`
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("profile", "number")
        constraints = (models.UniqueConstraint(fields=("profile", "number"), name="one_profile_version_a_number"),)

    def __str__(self) -> str:
        return f"{self.name} v{self.number}"

    @property
    def presenter(self) -> str:
        """Which drawn face the built-in renderer shows; of a profile drawn elsewhere, who stands still meanwhile."""
        return str(self.settings_for(Provider.BUILT_IN).get("presenter", DEFAULT_PRESENTER))

    @property
    def portrait(self) -> str:
        """Code of the uploaded portrait that it wears; empty where it wears a drawn face."""
        return str(self.settings_for(Provider.BUILT_IN).get("portrait") or "")

    def settings_for(self, provider: str) -> dict[str, Any]:
        """What the profile wears where `provider` draws its face; empty where nobody has set that up."""
        kept: dict[str, Any] = (
            self.provider_settings if provider == self.provider else self.other_settings.get(provider, {})
        )
        return kept

    def as_spec(self) -> ProfileSpec:
        """What the job is told of the profile."""
        return ProfileSpec(
            code=str(self.profile.code),
            version=self.number,
            name=self.name,
            persona=self.persona,
            greeting=self.greeting,
            voice=self.voice,
            provider=self.provider,
            provider_settings=self.provider_settings,
            fallback=self.fallback,
            other_settings=self.other_settings,
        )


class DeploymentMode(models.Model):
    """A named set of latency and quality settings. Its settings stand in its versions; the newest is `current`."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.CharField(_("what it is for"), max_length=200, blank=True)
    is_built_in = models.BooleanField(default=False)
    current = models.OneToOneField(
        "ModeVersion", null=True, on_delete=models.PROTECT, related_name="current_of", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.slug


class ModeVersion(models.Model):
    """One version of a mode's settings; never changed once written."""

    mode = models.ForeignKey(DeploymentMode, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    settings_json = models.JSONField()
    from_environment = models.JSONField(default=dict, blank=True)  # by setting: the variable that it comes from
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("mode", "number")
        constraints = (models.UniqueConstraint(fields=("mode", "number"), name="one_mode_version_a_number"),)

    def __str__(self) -> str:
        return f"{self.mode.slug} v{self.number}"

    @property
    def settings(self) -> ModeSettings:
        """The settings, typed."""
        return ModeSettings.model_validate(self.settings_json)


def settings_as_json(settings: ModeSettings) -> dict[str, Any]:
    """How `ModeVersion.settings_json` keeps settings."""
    return settings.model_dump(mode="json")
