"""What a visitor may ask for."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from django import forms
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

MODELS = {
    "MiniMax-Hailuo-02": "Hailuo 02",
    "MiniMax-Hailuo-2.3": "Hailuo 2.3",
    "MiniMax-Hailuo-2.3-Fast": "Hailuo 2.3 Fast (needs a first frame)",
}
IMAGES = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"RIFF": "webp"}
LARGEST = 20_000_000


class VideoForm(forms.Form):
    prompt = forms.CharField(
        max_length=2000,
        label="What should be seen?",
        error_messages={"required": "Say what should be seen."},
        widget=forms.Textarea(
            attrs={"rows": 4, "placeholder": "A cat surfs a small wave at sunset."}
        ),
    )
    model = forms.ChoiceField(choices=list(MODELS.items()))
    duration = forms.TypedChoiceField(
        choices=[(6, "6 seconds"), (10, "10 seconds")], coerce=int, label="Length"
    )
    resolution = forms.ChoiceField(choices=[("768P", "768p"), ("1080P", "1080p")])
    first_frame = forms.FileField(
        required=False,
        label="First frame",
        help_text="Optional: a JPG, PNG or WebP below 20 MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".jpg,.jpeg,.png,.webp"}),
    )
    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def clean_first_frame(self) -> Any:
        image = self.cleaned_data["first_frame"]
        if not image:
            return None
        if image.size >= LARGEST:
            raise forms.ValidationError("This image is too large; 20 MB is the limit.")
        start = image.read(12)
        image.seek(0)
        if not any(start.startswith(mark) for mark in IMAGES):
            raise forms.ValidationError("This is no JPG, PNG or WebP image.")
        return image

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("resolution") == "1080P" and cleaned.get("duration") == 10:
            self.add_error("duration", "Videos in 1080p last 6 seconds.")
        if "Fast" in cleaned.get("model", "") and not cleaned.get("first_frame"):
            self.add_error("first_frame", "This model needs a first frame.")
        return cleaned

    def request(self) -> dict[str, Any]:
        """Return the request for `enqueue_video`; a first frame is stored here."""
        asked = {
            name: self.cleaned_data[name]
            for name in ("model", "prompt", "duration", "resolution")
        }
        if image := self.cleaned_data["first_frame"]:
            asked["first_frame_image"] = f"storage:{stored(image.read())}"
        return asked

    def key(self, asked: dict[str, Any]) -> str:
        """Name this attempt: the same form sent twice is one video, one bill."""
        content = json.dumps(asked, sort_keys=True).encode()
        return f"{self.cleaned_data['form_id']}/{hashlib.sha256(content).hexdigest()}"


def stored(image: bytes) -> str:
    """Store an image under the digest of its bytes; return its name."""
    kind = next(kind for mark, kind in IMAGES.items() if image.startswith(mark))
    name = f"frames/{hashlib.sha256(image).hexdigest()}.{kind}"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(image))
    return name
