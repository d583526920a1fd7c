"""The pages: thin, over five functions of phanedge_celery."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.files.storage import default_storage
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from phanedge_celery import cancel_video, resume_video, video_progress
from phanedge_celery.contrib.django import enqueue_video_on_commit

from .forms import VideoForm
from .models import Job
from .ranges import serve
from .story import Story

STOPPED = {
    "before_submit": "Cancelled. Nothing had been submitted, so nothing is billed.",
    "following": "Cancelled. The service may finish it all the same, and bill it.",
    "too_late": "It was too late to cancel: this video had already ended.",
}


def owner(request: HttpRequest) -> str:
    """Return the random name of this visitor."""
    name: str = request.session.setdefault("owner", secrets.token_hex(16))
    return name


def is_mine(request: HttpRequest, id: str) -> bool:
    return Job.objects.filter(pk=id, owner=request.session.get("owner", "")).exists()


def mine_or_404(request: HttpRequest, id: str) -> Job:
    if not is_mine(request, id):
        raise Http404
    job: Job = get_object_or_404(Job, pk=id)
    return job


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    posted = (request.POST, request.FILES) if request.method == "POST" else ()
    form = VideoForm(*posted, initial=again(request), label_suffix="")
    if form.is_valid():
        asked = form.request()
        key = f"{owner(request)}/{form.key(asked)}"
        with transaction.atomic():
            id = enqueue_video_on_commit(asked, key=key, save_to="videos/{job_id}.mp4")
            known = {"owner": owner(request), "request": asked}
            Job.objects.get_or_create(pk=id, defaults=known)
        return redirect("job", id)
    return render(request, "videos/ask.html", {"form": form})


def again(request: HttpRequest) -> dict[str, Any]:
    """Return what an earlier job asked for, to begin with."""
    id = request.GET.get("again", "")
    return dict(mine_or_404(request, id).request) if id else {}


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    jobs = Job.objects.filter(owner=request.session.get("owner", ""))[:50]
    stories = [(job, Story(video_progress(job.pk))) for job in jobs]
    moving = any(not story.ended for _, story in stories)
    known = {"jobs": stories, "moving": moving, "look_every": settings.LOOK_EVERY}
    return render(request, "videos/mine.html", known)


@never_cache
@require_safe
def job(request: HttpRequest, id: str) -> HttpResponse:
    return render(request, "videos/job.html", told(request, id))


@never_cache
@require_safe
def live(request: HttpRequest, id: str) -> HttpResponse:
    """Answer to htmx with what has changed on the job's page; at its end with all."""
    known = told(request, id)
    answer = render(request, "videos/live.html", known)
    if known["story"].ended:
        answer["HX-Retarget"], answer["HX-Reswap"] = "#job", "outerHTML"
    return answer


def told(request: HttpRequest, id: str) -> dict[str, Any]:
    return {
        "job": mine_or_404(request, id),
        "story": Story(video_progress(id)),
        "look_every": settings.LOOK_EVERY,
        "seen": request.GET.get("seen"),
    }


@require_safe
def file(request: HttpRequest, id: str) -> HttpResponse:
    mine_or_404(request, id)
    video = video_progress(id)["video"] or {}
    if not (name := video.get("saved_to")) or not default_storage.exists(name):
        raise Http404
    answer = serve(request, default_storage, name, tag=f'"{video["sha256"]}"')
    if "download" in request.GET:
        answer["Content-Disposition"] = f'attachment; filename="{id}.mp4"'
    return answer


@require_safe
@staff_member_required
def media(request: HttpRequest, name: str) -> HttpResponse:
    """Send staff any file that is kept: where the admin's links lead."""
    if not default_storage.exists(name):
        raise Http404
    changed = default_storage.get_modified_time(name).timestamp()
    return serve(request, default_storage, name, tag=f'"{changed}"')


@require_POST
def cancel(request: HttpRequest, id: str) -> HttpResponse:
    mine_or_404(request, id)
    messages.info(request, STOPPED[cancel_video(id)["stopped"]])
    return redirect("job", id)


@require_POST
def resume(request: HttpRequest, id: str) -> HttpResponse:
    mine_or_404(request, id)
    resumed = resume_video(id)["resumed"]
    messages.info(request, "It goes on." if resumed else "There was nothing to resume.")
    return redirect("job", id)
