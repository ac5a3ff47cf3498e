"""Loaded before settings: data of the tests' own, and none of this machine's configuration.

`DATABASE_URL` and `REDIS_URL` are what the suite may run on: Django makes databases of its own on
the first, and of the second only a database that was empty is used.
"""

import atexit
import faulthandler
import os
import shutil
import signal
import tempfile

import redis

from tests import own_redis

CONFIGURATION = (
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "SECRET_KEY",
    "SECRET_KEY_FILE",
    "SECRET_KEY_FALLBACKS",
    "ENCRYPTION_KEYS",
    "ENCRYPTION_KEYS_FILE",
    "DATABASE_URL_FILE",
    "STORAGE_URL",
    "STORAGE_URL_FILE",
    "MEDIA_MAX_BYTES",
    "MEDIA_DOWNLOAD_WAIT",
    "MEDIA_DOWNLOAD_TIMEOUT",
    "OUTGOING_ALLOW_HOSTS",
    "OUTGOING_PORTS",
    "UNCONFIRMED_AFTER",
    "INSTAGRAM_API_URL",
    "WHATSAPP_API_URL",
    "RCS_API_URL",
    "API_RATE_LIMIT",
    "DEBUG",
    "LOG_FORMAT",
    "LOG_LEVEL",
    "WEB_THREADS",
    "ALLOWED_HOSTS",
    "RETAIN_EVENTS_DAYS",
    "RETAIN_STEPS_DAYS",
    "RETAIN_FAILED_MEDIA_DAYS",
    "RETAIN_DELETED_MEDIA_DAYS",
    "METRICS_ALLOW",
    "SENTRY_DSN",
    "CELERY_BROKER_URL",
)

# What a process of the tests does that stands still; before pytest captures what is written there.
faulthandler.register(signal.SIGUSR1, file=os.fdopen(os.dup(2), "w"), all_threads=True)

for name in CONFIGURATION:
    os.environ.pop(name, None)
os.environ["ENV_FILE"] = ""
_folder = tempfile.mkdtemp(prefix="inro-tests-")
os.environ["DATA_DIR"] = _folder
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
if os.environ.get("REDIS_URL"):
    try:
        os.environ["REDIS_URL"] = own_redis.claim(os.environ["REDIS_URL"])
    except (redis.RedisError, RuntimeError, ValueError) as error:
        raise SystemExit(f"REDIS_URL: {error}") from None
