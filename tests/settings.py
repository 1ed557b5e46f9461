"""Settings of the tests: a throw-away state folder, no service but those that a test starts."""

import os
import tempfile

os.environ["AVATARY_HOME"] = os.environ.get("AVATARY_TEST_HOME") or tempfile.mkdtemp(prefix="avatary-test-")
os.environ["DJANGO_SECRET_KEY"] = "only-for-tests"
os.environ["LIVEKIT_API_KEY"] = "testkey"
os.environ["LIVEKIT_API_SECRET"] = "test-secret-of-at-least-32-characters"
os.environ["AVATARY_HOST"] = "atlas"
os.environ["AVATARY_PUBLIC_URL"] = "http://testserver"
os.environ["LIVEKIT_URL"] = "ws://127.0.0.1:9"  # the discard port: nobody answers
os.environ["REDIS_URL"] = "redis://127.0.0.1:9/0"
os.environ.pop("DATABASE_URL", None)
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from avatary.settings import *  # noqa: F403

CELERY_BROKER_URL = "memory://"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # looks for a file when it is asked for, not for all of them with each client of a test
