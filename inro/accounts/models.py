"""Who may do what: users, workspaces, memberships, API tokens."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from inro.common.models import Timestamped, WorkspaceOwned
from inro.common.prepared import Prepared
from inro.common.rates import read_rate

ABILITIES = [
    f"{noun}.{verb}"
    for noun in ("media", "contacts", "scenarios", "campaigns", "messages", "channels")
    for verb in ("read", "write")
] + ["messages.send", "campaigns.send"]
ALL_ABILITIES = "*"


class User(AbstractUser):
    """Somebody who works in the admin; sees the workspaces of their memberships only."""


class Plan(models.TextChoices):
    PRO = "pro"
    TRIAL = "trial"
    FREE = "free"


def known_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(f"There is no time zone {name!r}; one is Europe/Rome.")


class WorkspaceManager(models.Manager["Workspace"]):
    def for_user(self, user: Any) -> "models.QuerySet[Workspace]":
        """The workspaces whose rows `user` may see; a superuser sees all."""
        if user.is_superuser:
            return self.all()
        return self.filter(memberships__user=user)


class Workspace(Timestamped):
    """One business: the tenant that every other row belongs to."""

    name = models.CharField(max_length=120)
    subdomain = models.CharField(
        max_length=63,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z",
                "Use lower-case letters, digits and hyphens; begin and end with a letter or digit.",
            )
        ],
    )
    plan = models.CharField(max_length=10, choices=Plan.choices, default=Plan.TRIAL)
    timezone = models.CharField(max_length=64, default="UTC", validators=[known_timezone])

    objects = WorkspaceManager()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def has_api(self) -> bool:
        return self.plan in {Plan.PRO, Plan.TRIAL}


class Membership(Timestamped):
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "workspace"], name="membership_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


def validate_rate(text: str) -> None:
    try:
        read_rate(text)
    except ValueError as error:
        raise ValidationError(f"It {error}") from None


class ApiToken(WorkspaceOwned):
    """A key to one workspace. The secret is shown once; only its digest is kept.

    A plain SHA-256 is right here: the secret has 256 random bits, so there is nothing to guess.
    """

    PREFIX = "apitk_"
    KEY_ID_LENGTH = 12

    name = models.CharField(max_length=120, blank=True)
    key_id = models.CharField(max_length=KEY_ID_LENGTH, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    abilities = models.JSONField(default=list)
    rate_limit = models.CharField(
        max_length=20,
        blank=True,
        validators=[validate_rate],
        help_text="Like 600/min (sec, min, hour, day); 0 for none. Empty: the usual limit.",
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name or 'Token'} ({self.PREFIX}{self.key_id}…)"

    @classmethod
    def issue(
        cls,
        workspace: Workspace,
        *,
        name: str = "",
        abilities: list[str] | None = None,
        rate_limit: str = "",
        expires_at: datetime | None = None,
    ) -> tuple["ApiToken", str]:
        """A new token and its plain text, which cannot be had again."""
        token = cls(
            workspace=workspace,
            name=name,
            abilities=abilities or [ALL_ABILITIES],
            rate_limit=rate_limit,
            expires_at=expires_at,
        )
        plain = token.renew()
        token.save()
        return token, plain

    def renew(self) -> str:
        """Give this token a new secret (the old one ends on save); its plain text."""
        self.key_id = secrets.token_hex(self.KEY_ID_LENGTH // 2)
        plain = f"{self.PREFIX}{self.key_id}{secrets.token_urlsafe(32)}"
        self.digest = hashlib.sha256(plain.encode()).digest()
        return plain

    @classmethod
    def authenticate(cls, plain: str) -> "ApiToken | None":
        """The usable token that `plain` is; None for a wrong, expired or revoked one."""
        start = len(cls.PREFIX)
        token = cls._of_key(plain[start : start + cls.KEY_ID_LENGTH])
        expected = bytes(token.digest) if token else b"\0" * 32
        right = hmac.compare_digest(hashlib.sha256(plain.encode()).digest(), expected)
        if not token or not right or not token.is_usable:
            return None
        token.note_use()
        return token

    @classmethod
    def _of_key(cls, key_id: str) -> "ApiToken | None":
        found = _tokens_by_key().rows([key_id]) if "\0" not in key_id else []
        if not found:
            return None
        own = [field.attname for field in cls._meta.concrete_fields]
        others = [field.attname for field in Workspace._meta.concrete_fields]
        token = cls.from_db(None, own, found[0][: len(own)])
        token.workspace = Workspace.from_db(None, others, found[0][len(own) :])
        return token

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return not expired and self.revoked_at is None

    def note_use(self) -> None:
        """Keep `last_used_at` true to the minute, with at most one write a minute."""
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - timedelta(minutes=1))
        if self.last_used_at is None or self.last_used_at < now - timedelta(minutes=1):
            ApiToken.objects.filter(stale, pk=self.pk).update(last_used_at=now)

    def can(self, ability: str) -> bool:
        return ALL_ABILITIES in self.abilities or ability in self.abilities


@cache
def _tokens_by_key() -> Prepared:
    """Asked with every request: a token's columns, and those of its workspace."""
    own = [field.attname for field in ApiToken._meta.concrete_fields]
    others = [f"workspace__{field.attname}" for field in Workspace._meta.concrete_fields]
    mine = ApiToken.objects.filter(key_id="?").values_list(*own, *others)
    return Prepared(mine, ["?"], planned=True)


class LoginLink(Timestamped):
    """A link that signs one user in once, within a quarter of an hour."""

    LIFETIME = timedelta(minutes=15)

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    digest = models.BinaryField(max_length=32, unique=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Login link of {self.user}"

    @classmethod
    def issue(cls, user: User) -> str:
        """The secret part of a new link's address."""
        secret = secrets.token_urlsafe(32)
        cls.objects.create(user=user, digest=hashlib.sha256(secret.encode()).digest())
        return secret

    @classmethod
    def redeem(cls, secret: str) -> User | None:
        """The user whom the link signs in; None for a wrong, used or old one."""
        digest = hashlib.sha256(secret.encode()).digest()
        fresh = cls.objects.filter(
            digest=digest, used_at=None, created_at__gt=timezone.now() - cls.LIFETIME
        )
        if not fresh.update(used_at=timezone.now()):
            return None
        return cls.objects.select_related("user").get(digest=digest).user


class AuditEntry(WorkspaceOwned):
    """Who did what to which object; written by the verbs that matter to security."""

    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=80)
    target = models.CharField(max_length=200)
    details = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.target}"

    @classmethod
    def record(
        cls, workspace: Workspace, actor: Any, action: str, target: Any, **details: Any
    ) -> None:
        """`target` goes by its `kept_name`, where it has one: an entry outlives the row."""
        called = getattr(target, "kept_name", None) or str(target)
        cls.objects.create(
            workspace=workspace,
            actor=str(actor)[:150],
            action=action,
            target=called[:200],
            details=details,
        )
