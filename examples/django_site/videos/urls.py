"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("", views.ask, name="ask"),
    path("media/<path:name>", views.media, name="media"),
    path("videos/", views.mine, name="mine"),
    path("videos/<str:id>/", views.job, name="job"),
    path("videos/<str:id>/live/", views.live, name="live"),
    path("videos/<str:id>/file/", views.file, name="file"),
    path("videos/<str:id>/cancel/", views.cancel, name="cancel"),
    path("videos/<str:id>/resume/", views.resume, name="resume"),
]
