"""Operators, the links that sign them in once, and the tokens of automation."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What somebody may do; each role may do all that the one before it may."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    ADMIN = "admin", _("Admin")

    def covers(self, other: "Role") -> bool:
        """True where this role may do all that `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


def hash_secret(secret: str) -> str:
    """SHA-256 of a random secret of 256 bits, hexadecimal: what we store instead of the secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Operator(AbstractUser):
    """Somebody who signs in to mission control."""

    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.VIEWER)

    @property
    def label(self) -> str:
        """Name as it stands in histories."""
        return self.get_full_name() or self.username


class SignInLink(models.Model):
    """A link that signs an operator in once and lets them set their password."""

    LIFETIME = timedelta(hours=24)

    operator = models.ForeignKey(Operator, on_delete=models.CASCADE, related_name="sign_in_links")
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sign-in link for {self.operator}"

    @classmethod
    def issue(cls, operator: Operator) -> str:
        """A new link's token; earlier unused links of the operator end."""
        token = secrets.token_urlsafe(32)
        cls.objects.filter(operator=operator, used_at=None).delete()
        cls.objects.create(operator=operator, token_hash=hash_secret(token), expires_at=timezone.now() + cls.LIFETIME)
        return token

    @classmethod
    def open_with(cls, token: str) -> "SignInLink | None":
        """The unused, unexpired link of `token`."""
        return cls.objects.filter(
            token_hash=hash_secret(token), used_at=None, expires_at__gt=timezone.now(), operator__is_active=True
        ).first()

    def use(self) -> bool:
        """Mark it used; False where somebody was faster."""
        return bool(type(self).objects.filter(pk=self.pk, used_at=None).update(used_at=timezone.now()))


class ApiToken(models.Model):
    """A bearer token of an automation, stored hashed."""

    name = models.CharField(max_length=80, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def issue(cls, name: str, role: Role) -> str:
        """A new token; an earlier one of the same name ends."""
        token = f"avy_{secrets.token_urlsafe(32)}"
        cls.objects.update_or_create(name=name, defaults={"role": role, "token_hash": hash_secret(token)})
        return token

    @classmethod
    def find(cls, token: str) -> "ApiToken | None":
        return cls.objects.filter(token_hash=hash_secret(token)).first()

    @property
    def label(self) -> str:
        """Name as it stands in histories."""
        return f"API token {self.name}"

    # Views and getters treat a token as they treat an operator.
    is_authenticated = True
    is_active = True
