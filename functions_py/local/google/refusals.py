"""How Google turns a create call down: the markers of stage CREATE after which nothing was started."""

from __future__ import annotations

from functions_py.local.google.errors import BadGateway, ConnectionDropped, GoogleError, NeverAnswered


def refuse(marker: str | None, model: str, resource: str, retired: GoogleError) -> None:
    """Raises what the marker stands for; returns for None and for markers that act after the start.

    `resource` is the full name of what may not be used, `retired` what is said of a model that is gone.
    """
    if marker == "429":
        raise GoogleError(
            429,
            "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with "
            f"base model: {model}. Please submit a quota increase request.",
        )
    if marker == "503":
        raise GoogleError(503, "The model is overloaded. Please try again later.")
    if marker == "500":
        raise GoogleError(500, "Internal error encountered.")
    if marker == "400":
        raise GoogleError(400, "Request contains an invalid argument.")
    if marker == "403":
        raise GoogleError(
            403,
            f"Permission 'aiplatform.endpoints.predict' denied on resource '{resource}' "
            "(or it may not exist).",
            reason="IAM_PERMISSION_DENIED",
            domain="aiplatform.googleapis.com",
        )
    if marker == "404":
        raise retired
    if marker == "html502":
        raise BadGateway
    if marker == "hang":
        raise NeverAnswered
    if marker == "drop_lost":
        raise ConnectionDropped
