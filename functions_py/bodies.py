"""Reading a JSON body into a model: what does not fit is told by the name of its parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from functions_py.errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request


class Body(BaseModel):
    """A JSON object. Types are meant as written ("8" is no number); a field that is not known is refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


T = TypeVar("T", bound=Body)


async def read_body(request: Request, shape: type[T]) -> T:
    """Raises ApiError malformed_request or invalid_parameter {parameter, allowed}."""
    try:
        return shape.model_validate_json(await request.body())
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if not problem["loc"]:
        raise ApiError("malformed_request", "The body must be a JSON object.")
    parameter = str(problem["loc"][0])
    schemas = shape.model_json_schema()["properties"]
    if problem["type"] == "extra_forbidden":
        raise invalid_parameter(parameter, list(schemas), f"There is no parameter {parameter}.")
    if problem["type"] == "missing":
        raise invalid_parameter(parameter, schemas.get(parameter), f"{parameter} is missing.")
    raise invalid_parameter(parameter, schemas.get(parameter), f"{parameter}: {problem['msg']}.")


def invalid_parameter(parameter: str, allowed: object, message: str) -> ApiError:
    """The error by which the RPCs, too, refuse a parameter."""
    return ApiError("invalid_parameter", message, {"parameter": parameter, "allowed": allowed})
