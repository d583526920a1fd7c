"""The routes of a Django project that offers videos."""

from __future__ import annotations

import json

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from phanedge_celery.contrib.django import enqueue_video_on_commit, video_urls
from tests.contrib.owners import OWNERS, owns


@csrf_exempt
def ask(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        id = enqueue_video_on_commit(json.loads(request.body))
        OWNERS[id] = request.headers["X-User"]
    return JsonResponse({"id": id})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("ask/", ask),
    path("videos/", include(video_urls(permission=owns))),
    path(
        "shown/",
        include(video_urls(permission=owns, show_url=True), namespace="shown"),
    ),
]
