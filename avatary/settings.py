"""Settings, all from the environment; what is missing there is read from the state folder's `environment` file."""

import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
HOME = Path(env.str("AVATARY_HOME", default=str(BASE_DIR / ".runtime"))).resolve()
if (HOME / "environment").is_file():
    environ.Env.read_env(HOME / "environment")

# -- Where we are -----------------------------------------------------------------------------------------------------

PORT = env.int("AVATARY_PORT", default=8000)
PUBLIC_URL = env.str("AVATARY_PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
own_name = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().split(".")[0].lower()).strip("-")[:40]
HOST_NAME = env.str("AVATARY_HOST", default=own_name or "host")
if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", HOST_NAME):
    raise ImproperlyConfigured(
        f"AVATARY_HOST={HOST_NAME!r} is not a host name: use up to 40 of a-z, 0-9 and '-', beginning with a letter or digit."
    )

SECRET_KEY = env.str("DJANGO_SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        f"DJANGO_SECRET_KEY is not set and {HOME / 'environment'} does not hold one. Run `make run` once, or set it."
    )

DEBUG = False
IS_HTTPS = PUBLIC_URL.startswith("https://")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "127.0.0.1"
ALLOWED_HOSTS = [PUBLIC_HOST, "127.0.0.1", "localhost", "[::1]", *env.list("AVATARY_ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# -- Services ---------------------------------------------------------------------------------------------------------

LIVEKIT_URL = env.str("LIVEKIT_URL", default="ws://127.0.0.1:7880")
LIVEKIT_API_KEY = env.str("LIVEKIT_API_KEY", default="")
LIVEKIT_API_SECRET = env.str("LIVEKIT_API_SECRET", default="")
LIVEKIT_PUBLIC_URL = env.str("LIVEKIT_PUBLIC_URL", default=LIVEKIT_URL)  # what visitors' browsers use
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{HOME / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write: WAL lets readers go on, IMMEDIATE takes the write lock up front instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "polling_interval": 10}  # a message wakes it at once
CELERY_BEAT_SCHEDULE = {
    "resume-stranded-sessions": {"task": "sessions.tasks.resume_stranded_sessions", "schedule": 10.0},
    "resume-stranded-trials": {"task": "monitoring.trial_tasks.resume_stranded_trials", "schedule": 60.0},
    "resume-stranded-portraits": {"task": "sessions.portrait_tasks.resume_stranded_portraits", "schedule": 15.0},
    "delete-old-samples": {"task": "monitoring.tasks.delete_old_samples", "schedule": 60.0},
    "look-after-vendors": {"task": "sessions.vendor_tasks.look_after_vendors", "schedule": 15.0},
}

HAS_STAND_INS = bool(env.str("AVATARY_STANDINS_PORT", default=""))  # of hosted avatars: `make run PROVIDERS=standin`

# -- Limits -----------------------------------------------------------------------------------------------------------

MAX_SESSIONS_PER_HOST = env.int("AVATARY_MAX_SESSIONS_PER_HOST", default=4)
MAX_VISITORS_PER_SESSION = env.int("AVATARY_MAX_VISITORS_PER_SESSION", default=10)
DEFAULT_MAX_DURATION_S = env.int("AVATARY_MAX_DURATION_S", default=3600)
DEFAULT_IDLE_TIMEOUT_S = env.int("AVATARY_IDLE_TIMEOUT_S", default=900)
DEFAULT_LINK_LIFETIME_S = env.int("AVATARY_LINK_LIFETIME_S", default=24 * 3600)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# -- What is measured -------------------------------------------------------------------------------------------------

KEEP_SAMPLES_H = env.int("AVATARY_KEEP_SAMPLES_H", default=24)
KEEP_ROLLUPS_10S_DAYS = env.int("AVATARY_KEEP_ROLLUPS_10S_DAYS", default=7)
KEEP_ROLLUPS_1MIN_DAYS = env.int("AVATARY_KEEP_ROLLUPS_1MIN_DAYS", default=400)
ALERT_WEBHOOK_URL = env.str("AVATARY_ALERT_WEBHOOK_URL", default="")
ALERT_WEBHOOK_SECRET = env.str("AVATARY_ALERT_WEBHOOK_SECRET", default="")
if ALERT_WEBHOOK_URL and (not ALERT_WEBHOOK_URL.startswith(("http://", "https://")) or not ALERT_WEBHOOK_SECRET):
    raise ImproperlyConfigured(
        "AVATARY_ALERT_WEBHOOK_URL needs an address that begins with http:// or https://, and AVATARY_ALERT_WEBHOOK_SECRET "
        "beside it: who receives alerts checks by it that they come from here."
    )
ALERT_EMAILS = env.list("AVATARY_ALERT_EMAILS", default=[])
vars().update(env.email_url("AVATARY_EMAIL_URL", default="smtp://localhost:25"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("AVATARY_EMAIL_FROM", default=f"avatary@{PUBLIC_HOST}")

# -- Django -----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "django_htmx",
    "ninja",
    "operators",
    "sessions",
    "monitoring",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "avatary.urls"
ASGI_APPLICATION = "avatary.asgi.application"
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
AUTH_USER_MODEL = "operators.Operator"
LOGIN_URL = "operators:sign-in"
LOGIN_REDIRECT_URL = "sessions:overview"
LOGOUT_REDIRECT_URL = "operators:sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]  # Arabic of the visitors' pages; each is shown in its session's language
USE_TZ = True
TIME_ZONE = env.str("AVATARY_TIME_ZONE", default="UTC")

NODE_MODULES = BASE_DIR / "node_modules"
STATIC_URL = "static/"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/tabler/css", NODE_MODULES / "@tabler/core/dist/css"),
    ("vendor/htmx", NODE_MODULES / "htmx.org/dist"),
    ("vendor/idiomorph", NODE_MODULES / "idiomorph/dist"),
    ("vendor/uplot", NODE_MODULES / "uplot/dist"),
    ("vendor/livekit-client", NODE_MODULES / "livekit-client/dist"),
    *(
        (f"vendor/fontsource/{package}/files", NODE_MODULES / "@fontsource" / package / "files")
        for package in ("ibm-plex-sans", "ibm-plex-sans-arabic", "source-serif-4", "markazi-text")
    ),
]
WHITENOISE_USE_FINDERS = True

# -- Security ---------------------------------------------------------------------------------------------------------

livekit_origins = [LIVEKIT_PUBLIC_URL, re.sub(r"^ws", "http", LIVEKIT_PUBLIC_URL)]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "media-src": ["'self'", "blob:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'", *livekit_origins],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    }
}
SESSION_COOKIE_NAME = f"avatary-session-{PORT}"  # two copies on one machine share the host's cookies, not the port's
CSRF_COOKIE_NAME = f"avatary-csrf-{PORT}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^livekit/webhook$"]
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# How many proxies in front of the web process add to X-Forwarded-For, where sign-in tries are counted by address.
TRUSTED_PROXIES = env.int("AVATARY_TRUSTED_PROXIES", default=0)
NINJA_NUM_PROXIES = TRUSTED_PROXIES or (1 if IS_HTTPS else 0)  # the same for joins: HTTPS comes by a proxy

# -- Logs -------------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "avatary.log_masking.MaskingFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("AVATARY_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "aiohttp": {"level": "WARNING"},
    },
}
