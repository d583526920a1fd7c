"""The commands of a Django project, which nobody has set up before."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.workers import python_path

SETTINGS = """
from pathlib import Path
FOLDER = Path(__file__).parent
SECRET_KEY = "of the tests"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db"}}
INSTALLED_APPS = ["django_celery_results", "phanedge_celery.contrib.django"]
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = "django-db"
CELERY_PHANEDGE_API_KEY = "a-key-of-the-tests"
"""
PROJECT = """
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
app = Celery("site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
"""


def test_a_django_project_is_set_up_by_the_command_itself(tmp_path: Path) -> None:
    (tmp_path / "site_settings.py").write_text(SETTINGS)
    (tmp_path / "project.py").write_text(PROJECT)
    env = {"PYTHONPATH": python_path(), "PATH": "/usr/bin:/bin"}

    def run(*words: str, **more: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env={**env, **more},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    ours = ("celery", "-A", "project", "phanedge")
    run("django", "migrate", DJANGO_SETTINGS_MODULE="site_settings")
    id = run(*ours, "submit", "-d", "--model", "M", "--prompt", "A cat.").strip()
    job = json.loads(run(*ours, "jobs", "--json"))

    assert (job["id"], job["stage"]) == (id, "queued")
