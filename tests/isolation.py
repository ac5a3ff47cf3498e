"""Loaded before settings: the tests' own data folder, and none of this machine's configuration."""

import atexit
import os
import shutil
import tempfile

CONFIGURATION = (
    "HOST",
    "PORT",
    "PUBLIC_URL",
    "SECRET_KEY",
    "SECRET_KEY_FILE",
    "SECRET_KEY_FALLBACKS",
    "ENCRYPTION_KEYS",
    "STORAGE_URL",
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
)

for name in CONFIGURATION:
    os.environ.pop(name, None)
os.environ["ENV_FILE"] = ""
_folder = tempfile.mkdtemp(prefix="inro-tests-")
os.environ["DATA_DIR"] = _folder
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
