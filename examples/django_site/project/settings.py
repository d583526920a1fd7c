"""Settings; without any environment the site runs on this machine, on SQLite alone."""

from __future__ import annotations

import os
from pathlib import Path

from project.secret import secret_key

HERE = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SITE_DATA") or HERE / "var")
DATA.mkdir(parents=True, exist_ok=True)

DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or secret_key(DATA)
ALLOWED_HOSTS = os.environ.get("DJANGO_HOSTS", "localhost,127.0.0.1").split(",")
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "phanedge_celery.contrib.django",
    "videos",
    "django_celery_results",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.policy.content_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "site.db",
        # Web and worker write at the same time.
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA / "media", "base_url": "/media/"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
USE_TZ = True
TIME_ZONE = "UTC"
SECURE_REFERRER_POLICY = "same-origin"

LOOK_EVERY = 2
"""Seconds between two looks of a page at the job that it shows."""

# Celery, and through it phanedge_celery: tickets, where they were not told otherwise
# results too, are in Django's database.
ON_THIS_MACHINE = f"sqla+sqlite:///{DATA}/broker.db"
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or ON_THIS_MACHINE
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND") or "django-db"
CELERY_TASK_ROUTES = {"phanedge.*": {"queue": "phanedge"}}
CELERY_PHANEDGE_STORAGE = "django:default"
CELERY_PHANEDGE_TICKETS = "django"

if SITE_URL := os.environ.get("SITE_URL"):
    # The service can reach this site, so it tells us at once of what has changed.
    CELERY_PHANEDGE_CALLBACK_URL = f"{SITE_URL}/phanedge"
    CELERY_PHANEDGE_CALLBACK_SECRET = SECRET_KEY

if not os.environ.get("PHANEDGE_API_KEY"):
    # Against the fake: nothing is real, nothing costs money, and all is quicker.
    CELERY_PHANEDGE_API_KEY = "fake-key"
    CELERY_PHANEDGE_BASE_URL = os.environ.get("FAKE_URL", "http://127.0.0.1:8900")
    CELERY_PHANEDGE_ALLOW_HTTP = True
    CELERY_PHANEDGE_ALLOW_PRIVATE_HOSTS = True
    CELERY_PHANEDGE_SCHEDULE = {"first": 1, "every": 1}
