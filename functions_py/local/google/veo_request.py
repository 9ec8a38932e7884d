"""What Vertex takes for a Veo request, and what it says to everything else."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from functions_py.local.google.errors import GoogleError
from functions_py.local.google.pictures import checked_picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCATION = "us-central1"
"""The only region that has Veo 3.1."""

SIZES = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
}

_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_STORAGE_URI = re.compile(r"gs://([^/]+)(/.*)?")


@dataclass(frozen=True)
class Place:
    """Where a request is addressed to."""

    project: str
    location: str
    model: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/publishers/google/models/{self.model}"


@dataclass(frozen=True)
class VeoModel:
    """What one model can do."""

    reference_images: bool = True


MODELS = {
    "veo-3.1-generate-001": VeoModel(),
    "veo-3.1-fast-generate-001": VeoModel(),
    "veo-3.1-lite-generate-001": VeoModel(reference_images=False),
}


def _one_of(allowed: tuple[Any, ...], sentence: str) -> AfterValidator:
    def check(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
        if value not in allowed:
            raise ValueError(sentence.format(value=value, allowed=", ".join(map(str, allowed))))
        return value

    return AfterValidator(check)


def _matching(pattern: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(sentence.format(value=value))
        return value

    return AfterValidator(check)


class _Wire(BaseModel):
    """JSON as the REST API has it: camelCase, no conversion between types, unknown names passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel)


class ImageInput(_Wire):
    """Bytes or a `gs://` address, with the type the client says it has."""

    bytes_base64_encoded: str | None = None
    gcs_uri: str | None = None
    mime_type: Annotated[
        str,
        _one_of(
            ("image/png", "image/jpeg"), "Unsupported image mime type: {value}. Supported are {allowed}."
        ),
    ]


class ReferenceImage(_Wire):
    """An asset that should appear in the clip."""

    image: ImageInput
    reference_type: Annotated[str, _one_of(("ASSET", "asset"), "Unsupported reference type: {value}.")]


class Instance(_Wire):
    """What to show."""

    prompt: str = ""
    image: ImageInput | None = None
    last_frame: ImageInput | None = None
    reference_images: list[ReferenceImage] = Field(default=[], max_length=3)
    video: dict[str, Any] | None = None


class Parameters(_Wire):
    """How to show it."""

    sample_count: int = Field(default=1, ge=1, le=4)
    storage_uri: (
        Annotated[
            str,
            _matching(
                _STORAGE_URI,
                "Invalid storageUri: {value}. It must be a Cloud Storage path like gs://bucket/path.",
            ),
        ]
        | None
    ) = None
    # A number, not "8": the API refuses strings here although its documentation shows them.
    duration_seconds: Annotated[
        float,
        _one_of(
            (4, 6, 8),
            "Unsupported output video duration {value:g} seconds, supported durations are [{allowed}].",
        ),
    ] = 8
    aspect_ratio: Annotated[
        str, _one_of(("16:9", "9:16"), "Unsupported aspect ratio: {value}. Supported are {allowed}.")
    ] = "16:9"
    resolution: Annotated[
        str, _one_of(("720p", "1080p"), "Unsupported resolution: {value}. Supported are {allowed}.")
    ] = "720p"
    person_generation: Annotated[
        str,
        _one_of(
            ("allow_adult", "allow_all", "disallow", "dont_allow"), "Unsupported personGeneration: {value}."
        ),
    ] = "allow_adult"
    resize_mode: Annotated[
        str, _one_of(("pad", "crop", "PAD", "CROP"), "Unsupported resizeMode: {value}.")
    ] = "pad"
    fps: Annotated[int, _one_of((24,), "Unsupported fps: {value}. Supported are {allowed}.")] = 24
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    negative_prompt: str | None = None
    enhance_prompt: bool | None = None
    generate_audio: bool = True


class VeoRequest(BaseModel):
    """The body of `:predictLongRunning`. Unlike the parts inside, the envelope refuses names it does not
    know.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    instances: list[Instance] = Field(min_length=1, max_length=1)
    parameters: Parameters = Parameters()
    labels: dict[
        Annotated[str, _matching(_LABEL_KEY, "Invalid label key: {value}.")],
        Annotated[str, _matching(_LABEL_VALUE, "Invalid label value: {value}.")],
    ] = {}

    @property
    def instance(self) -> Instance:
        return self.instances[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the clip in pixels."""
        return SIZES[self.parameters.resolution, self.parameters.aspect_ratio]

    @property
    def fit(self) -> Literal["pad", "crop"]:
        return "crop" if self.parameters.resize_mode.lower() == "crop" else "pad"


def check_model(place: Place) -> VeoModel:
    """Raises GoogleError 404 for a model that this location does not have."""
    if place.model not in MODELS or place.location != LOCATION:
        raise no_longer_available(place)
    return MODELS[place.model]


def check_project(place: Place) -> None:
    """Raises GoogleError 403 for a project called `disabled-…` or `forbidden-…`, as its name says."""
    if place.project.startswith("disabled-"):
        raise GoogleError(
            403,
            f"Agent Platform API has not been used in project {place.project} before or it is disabled.",
            reason="SERVICE_DISABLED",
        )
    if place.project.startswith("forbidden-"):
        raise GoogleError(
            403,
            "Permission 'aiplatform.endpoints.predict' denied on resource "
            f"'//aiplatform.googleapis.com/{place}' (or it may not exist).",
            reason="IAM_PERMISSION_DENIED",
            domain="aiplatform.googleapis.com",
        )


def no_longer_available(place: Place) -> GoogleError:
    return GoogleError(
        404,
        f"Publisher Model `{place}` was not found, is no longer available, or your project does not have "
        "access to it. Please update your code to use a valid model version.",
    )


def parse(body: bytes, model: VeoModel) -> VeoRequest:
    """The request, or GoogleError 400 with the first thing that is wrong with it."""
    try:
        request = VeoRequest.model_validate_json(body)
    except ValidationError as invalid:
        raise GoogleError(400, _sentence(invalid)) from None
    instance = request.instance
    if not instance.prompt.strip() and instance.image is None:
        raise GoogleError(400, "The request needs a text prompt or an image.")
    if instance.video is not None:
        raise GoogleError(400, "Video extension is not supported by this emulator.")
    if instance.last_frame and not instance.image:
        raise GoogleError(400, "lastFrame needs image, the first frame.")
    if instance.reference_images:
        if not model.reference_images:
            raise GoogleError(400, "Reference images are not supported by this model.")
        if instance.image:
            raise GoogleError(400, "image and referenceImages cannot be used together.")
        if request.parameters.duration_seconds != 8:
            raise GoogleError(400, "Reference images need a duration of 8 seconds.")
    return request


async def read_images(instance: Instance, from_storage: Callable[[str], Path]) -> bytes | None:
    """Decodes every picture of the request and returns the first frame's file, if it has one.

    `from_storage` finds the file behind a `gs://` address. Raises GoogleError 400 for what is not a PNG or
    JPEG of at most 20 MB.
    """
    others = [instance.last_frame, *(asset.image for asset in instance.reference_images)]
    for other in others:
        await _read(other, from_storage)
    return await _read(instance.image, from_storage)


async def _read(image: ImageInput | None, from_storage: Callable[[str], Path]) -> bytes | None:
    if image is None:
        return None
    if image.gcs_uri is not None:
        data = await asyncio.to_thread(from_storage(image.gcs_uri).read_bytes)
        return await asyncio.to_thread(checked_picture, data)
    return await asyncio.to_thread(checked_picture, image.bytes_base64_encoded or "")


def _sentence(invalid: ValidationError) -> str:
    problem = invalid.errors(include_url=False)[0]
    where = ".".join(map(str, problem["loc"]))
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] == "extra_forbidden":
        return f'Invalid JSON payload received. Unknown name "{where}": Cannot find field.'
    return f"Invalid value at '{where}': {problem['msg']}."
