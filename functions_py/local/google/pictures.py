"""Pictures that clients send in: decoded whole, so that half an image is refused as Google refuses it."""

from __future__ import annotations

import base64
import binascii
import io

from PIL import Image, UnidentifiedImageError

from functions_py.local.google.errors import GoogleError

MAX_IMAGE_BYTES = 20 * 1024 * 1024


def checked_picture(data: str | bytes) -> bytes:
    """The bytes of a PNG or JPEG, given as they are or in base64. Slow for large ones: call it in a thread.

    Raises GoogleError 400 for anything else and for more than 20 MB.
    """
    if isinstance(data, str):
        try:
            data = base64.b64decode(data, validate=True)
        except binascii.Error:
            raise GoogleError(400, "Invalid value for the image: not base64.") from None
    if len(data) > MAX_IMAGE_BYTES:
        raise GoogleError(400, "The image is larger than 20 MB.")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise GoogleError(
            400, "Failed to decode the image: it is not a valid image/png or image/jpeg."
        ) from None
    return data
