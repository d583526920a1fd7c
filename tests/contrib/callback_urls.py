"""The routes of a Django project that the vendor calls back."""

from __future__ import annotations

from django.urls import include, path

from phanedge_celery.contrib.django import callback_urls

urlpatterns = [path("hook/", include(callback_urls()))]
