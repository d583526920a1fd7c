"""The addresses of this site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from videos.views import is_mine

from phanedge_celery.contrib.django import callback_urls, video_urls

urlpatterns = [
    path("", include("videos.urls")),
    path("api/videos/", include(video_urls(permission=is_mine))),
    path("phanedge/", include(callback_urls())),
    path("admin/", admin.site.urls),
]
