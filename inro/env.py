"""Typed readers of the environment, over django-environ.

Every reader raises `ImproperlyConfigured` with the variable's name and what was wrong,
so that a bad value stops the start instead of surfacing in the first request.
Secrets may also be given as a file: `NAME_FILE=/run/secrets/name`.
"""

import os
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from inro.common.rates import read_rate
from inro.common.storing import read_storage_url

BROKER_SCHEMES = ("redis", "rediss", "amqp", "amqps")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def read_dotenv(path: Path) -> None:
    """Load `path` into the environment; what is set already wins."""
    if path.is_file():
        environ.Env.read_env(str(path), overwrite=False)


def text(name: str, default: str = "") -> str:
    # Not through django-environ, which takes a value that begins with $ for a reference.
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def integer(name: str, default: int, *, low: int = 0, high: int | None = None) -> int:
    raw = text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}.") from None
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ImproperlyConfigured(f"{name} must be {limits}, not {value}.")
    return value


def seconds(name: str, default: float) -> float:
    """A duration in seconds; fractions are allowed, a trailing `s` too."""
    raw = text(name, str(default)).removesuffix("s").strip()
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number of seconds, not {raw!r}.") from None
    if not 0 <= value < float("inf"):
        raise ImproperlyConfigured(f"{name} must not be negative or endless.")
    return value


def words(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def ports(name: str, default: str) -> list[int]:
    try:
        found = [int(part) for part in words(name, default)]
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be ports separated by commas.") from None
    if any(not 0 < port < 65536 for port in found):
        raise ImproperlyConfigured(f"{name} holds a port outside 1–65535.")
    return found


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    if value.lower() not in {option.lower() for option in allowed}:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return next(option for option in allowed if option.lower() == value.lower())


def url(name: str, default: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """An absolute URL without its trailing slash."""
    value = text(name, default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be a URL ({', '.join(schemes)}), not {value!r}.")
    return value


def optional_url(name: str) -> str:
    return url(name, "") if text(name) else ""


def broker_url(name: str) -> str:
    """A URL of a broker or cache, or nothing."""
    value = text(name)
    if value and urlsplit(value).scheme not in BROKER_SCHEMES:
        raise ImproperlyConfigured(
            f"{name} must be a URL ({', '.join(BROKER_SCHEMES)}), not {value.split(':')[0]!r}…."
        )
    return value


def hosts_with_ports(name: str) -> list[str]:
    found = words(name)
    for each in found:
        host, _, port = each.rpartition(":")
        if not host or "/" in each or not port.isdigit() or not 0 < int(port) < 65536:
            raise ImproperlyConfigured(f"{name} must hold host:port,… and not {each!r}.")
    return found


def networks(name: str, default: str) -> list[IPv4Network | IPv6Network]:
    """Networks or single addresses, like `10.0.0.0/8,192.0.2.7`."""
    try:
        return [ip_network(each) for each in words(name, default)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must hold networks like 10.0.0.0/8: {error}.") from None


def encryption_keys(name: str) -> list[str]:
    found = [part.strip() for part in secret(name).split(",") if part.strip()]
    return _fernet_keys(name, found)


def generated_encryption_keys(path: Path) -> list[str]:
    """The keys in `path`, one a line; the first is made on the first start."""
    kept = generated_secret(path, make=Fernet.generate_key().decode())
    return _fernet_keys(str(path), kept.split())


def _fernet_keys(source: str, keys: list[str]) -> list[str]:
    for place, key in enumerate(keys, 1):
        try:
            Fernet(key.encode())
        except ValueError:
            raise ImproperlyConfigured(
                f"{source}: key {place} must be 32 bytes in URL-safe base64."
            ) from None
    if not keys and Path(source).exists():
        raise ImproperlyConfigured(f"{source} is empty: bring back the keys that it held.")
    return keys


def database(name: str) -> dict[str, Any]:
    """Django's settings of the database that a URL names."""
    config = environ.Env.db_url_config(secret(name))
    if "ENGINE" not in config:
        raise ImproperlyConfigured(f"{name} must be a URL like postgres://user:password@host/name.")
    return dict(config)


def storage(name: str, folder: Path) -> dict[str, Any]:
    """Django's settings of the storage that a URL names, or of `folder`."""
    try:
        return read_storage_url(secret(name), folder)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} {error}") from None


def rate(name: str, default: str) -> str:
    """`N/min` (also sec, hour, day); `0` switches the limit off."""
    value = text(name, default)
    try:
        read_rate(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} {error}") from None
    return value


def secret(name: str) -> str:
    """The variable itself, else the content of the file that `<name>_FILE` names."""
    value = text(name)
    path = text(f"{name}_FILE")
    if value or not path:
        return value
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from None


def generated_secret(path: Path, *, make: str = "") -> str:
    """The secret kept in `path`, made on the first start (by one process only) with mode 0600."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        value = make or secrets.token_urlsafe(50)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        if not path.exists():
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(value + "\n")
            try:
                # A link fails when another process was first; a rename would replace its secret.
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"Cannot keep a secret in {path}: {error.strerror}.") from None
