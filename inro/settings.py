"""All settings, from the environment. `.env.example` documents each variable."""

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from inro import env
from inro.broker import register as register_embedded_broker

BASE_DIR = Path(__file__).resolve().parent.parent
_dotenv = env.text("ENV_FILE", str(BASE_DIR / ".env"))
if _dotenv:
    env.read_dotenv(Path(_dotenv))

DEBUG = env.flag("DEBUG")
DATA_DIR = Path(env.text("DATA_DIR", "./var")).expanduser()
if not DATA_DIR.is_absolute():
    DATA_DIR = BASE_DIR / DATA_DIR
# Keys and conversations: nobody else on this machine may look.
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)

# --- Where it is reached -----------------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, low=1, high=65535)
WEB_THREADS = env.integer("WEB_THREADS", 16, low=2, high=256)
_own_host = f"[{HOST}]" if ":" in HOST else HOST
PUBLIC_URL = env.url("PUBLIC_URL", f"http://{_own_host}:{PORT}")
_public = urlsplit(PUBLIC_URL)
_public_host = _public.hostname or ""


def _is_public(host: str) -> bool:
    """Whether people outside this machine and its network could mean `host`."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return host != "localhost" and not host.endswith((".localhost", ".local", ".internal"))


ALLOWED_HOSTS = [
    _public_host,
    HOST,
    "localhost",
    "127.0.0.1",
    "[::1]",
    *env.words("ALLOWED_HOSTS"),
]
if HOST in {"0.0.0.0", "::"} and not env.text("PUBLIC_URL"):  # noqa: S104 - asked for by the operator
    ALLOWED_HOSTS.append("*")
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
if _https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"

# --- Secrets -----------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY")
if not SECRET_KEY:
    if not DEBUG and _is_public(_public_host):
        raise ImproperlyConfigured(
            "SECRET_KEY (or SECRET_KEY_FILE) must be set when PUBLIC_URL is public."
        )
    SECRET_KEY = env.generated_secret(DATA_DIR / "secret_key")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ENCRYPTION_KEYS = env.encryption_keys("ENCRYPTION_KEYS") or env.generated_encryption_keys(
    DATA_DIR / "encryption_key"
)

# --- Applications ------------------------------------------------------------------------
INSTALLED_APPS = [
    "inro.accounts.apps.InroAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "inro.common",
    "inro.accounts",
    "inro.api",
    "django_htmx",
    "media_library",
    "messaging",
    "automations",
]
MIDDLEWARE = [
    "inro.common.logging.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "inro.api.middleware.RateLimitHeadersMiddleware",
    "inro.api.middleware.BodyLimitMiddleware",
    "inro.api.middleware.TrailingSlashMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "inro.urls"
WSGI_APPLICATION = "inro.wsgi.application"
APPEND_SLASH = False
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
FORMAT_MODULE_PATH = "inro.formats"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- Database ----------------------------------------------------------------------------
if env.secret("DATABASE_URL"):
    DATABASES = {"default": env.database("DATABASE_URL")}
else:
    DATABASES = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "inro.sqlite3"}
    }
DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
# A server that was restarted closed the connections that are kept: each is asked before it is used.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["ENGINE"] = "inro.common.postgresql"  # asks less often
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Without IMMEDIATE, two transactions that read and then write end in "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-20000;"
            "PRAGMA journal_size_limit=27103364;"
        ),
    }
    # In memory, threads share one cache and lock each other out.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}

# --- Queue -------------------------------------------------------------------------------
REDIS_URL = env.broker_url("REDIS_URL")
CELERY_BROKER_URL = env.broker_url("CELERY_BROKER_URL") or REDIS_URL or "inro-sqlite://localhost"
QUEUE_FILE = DATA_DIR / "queue.sqlite3"
if CELERY_BROKER_URL.startswith("inro-sqlite"):
    register_embedded_broker()
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {"path": str(QUEUE_FILE)}
elif CELERY_BROKER_URL.startswith("redis"):
    # One try to connect, for requests wait for it; workers have tries of their own.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "max_retries": 0,
        "visibility_timeout": 300,
        "socket_connect_timeout": 2,
        "socket_timeout": 3,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# A transport that polls hands out this many messages a poll for each thread.
CELERY_WORKER_PREFETCH_MULTIPLIER = 16 if CELERY_BROKER_URL.startswith("inro-sqlite") else 4
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "media_library.*": {"queue": "media"},
    "inro.clean_files": {"queue": "media"},
    "messaging.apply_events": {"queue": "inbound"},
    "messaging.pump": {"queue": "delivery"},
}
TICK_SECONDS = 2
CELERY_BEAT_SCHEDULE = {
    "tick": {
        "task": "inro.tick",
        "schedule": TICK_SECONDS,
        # A tick that could not run in its period is worth nothing later.
        "options": {"expires": TICK_SECONDS},
    }
}

# Whether all processes see one cache.
SHARED_CACHE = REDIS_URL.startswith("redis")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Every request asks it: one that hangs must not hold up the answers.
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
    if SHARED_CACHE
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        # The default of 300 would forget the counters of busy tokens.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- Files -------------------------------------------------------------------------------
STORAGES = {
    "default": env.storage("STORAGE_URL", DATA_DIR / "media"),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "static/"
# Packages bring their own static files; nothing has to be collected before the first start.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
MEDIA_MAX_BYTES = env.integer("MEDIA_MAX_BYTES", 100 * 1024 * 1024, low=1)
MEDIA_DOWNLOAD_WAIT = env.seconds("MEDIA_DOWNLOAD_WAIT", 8)
MEDIA_DOWNLOAD_TIMEOUT = env.seconds("MEDIA_DOWNLOAD_TIMEOUT", 60)
RENDITIONS_AT_ONCE = env.integer("RENDITIONS_AT_ONCE", 2, low=1)
TEMP_DIR = DATA_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR = str(TEMP_DIR)
# Small bodies are kept in memory, larger ones go to disk as they come.
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
# Bodies that are not multipart; files have MEDIA_MAX_BYTES.
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
TEMP_DIR.mkdir(exist_ok=True)

# --- Outgoing requests -------------------------------------------------------------------
OUTGOING_PORTS = env.ports("OUTGOING_PORTS", "80,443")
OUTGOING_ALLOW_HOSTS = env.hosts_with_ports("OUTGOING_ALLOW_HOSTS")
INSTAGRAM_API_URL = env.optional_url("INSTAGRAM_API_URL")
UNCONFIRMED_AFTER = env.seconds("UNCONFIRMED_AFTER", 300)

# --- How long things are kept ------------------------------------------------------------
RETAIN_EVENTS_DAYS = env.integer("RETAIN_EVENTS_DAYS", 14, high=36_500)
RETAIN_STEPS_DAYS = env.integer("RETAIN_STEPS_DAYS", 180, high=36_500)
RETAIN_FAILED_MEDIA_DAYS = env.integer("RETAIN_FAILED_MEDIA_DAYS", 30, high=36_500)
RETAIN_DELETED_MEDIA_DAYS = env.integer("RETAIN_DELETED_MEDIA_DAYS", 180, high=36_500)

# --- API ---------------------------------------------------------------------------------
API_RATE_LIMIT = env.rate("API_RATE_LIMIT", "60/min")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "inro.api.authentication.TokenAuthentication",
        "inro.api.authentication.WorkspaceSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "inro.api.permissions.WithinRateLimit",
        "inro.api.permissions.PaidPlan",
        "inro.api.permissions.HasAbility",
    ],
    "DEFAULT_PARSER_CLASSES": ["inro.api.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "inro.api.negotiation.LenientNegotiation",
    "DEFAULT_FILTER_BACKENDS": ["inro.api.filters.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "inro.api.pagination.EnvelopePagination",
    "DEFAULT_SCHEMA_CLASS": "inro.api.schema.ApiSchema",
    # Without it DRF answers OPTIONS with a description of its own.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "inro.api.errors.exception_handler",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Inrō API",
    "DESCRIPTION": "Media library, conversations and automations of a business.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "MediaStatus": "media_library.models.MediaStatus",
        "MediaKind": "media_library.kinds.MediaKind",
        "ExecutionStatus": "automations.models.executions.ExecutionStatus",
        "StepStatus": "automations.models.executions.StepStatus",
        "ChannelStatus": "messaging.models.channels.ChannelStatus",
        "ContactStatus": "messaging.models.contacts.ContactStatus",
        "MessageStatus": "messaging.models.messages.MessageStatus",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "inro.api.schema.add_error_responses",
    ],
}

# --- Being watched -----------------------------------------------------------------------
METRICS_ALLOW = env.networks("METRICS_ALLOW", "127.0.0.1/32")

# --- Logs --------------------------------------------------------------------------------
LOG_FORMAT = env.choice("LOG_FORMAT", "text", ("text", "json"))
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING_CONFIG = None
from inro.common.logging import configure as _configure_logging  # noqa: E402

_configure_logging(LOG_FORMAT, LOG_LEVEL)

SENTRY_DSN = env.optional_url("SENTRY_DSN")
if SENTRY_DSN:
    from inro.common.reporting import report_to

    report_to(SENTRY_DSN)
