"""The OpenAPI document is valid and tells the truth, and its examples are sent to the running server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import validate
from starlette.routing import Route

from functions_py.api.routes import DOCUMENT
from functions_py.app import create_app
from functions_py.errors import HTTP_CODES
from functions_py.settings import Settings
from tests.support.database import connect
from tests.support.functions import caller, functions
from tests.support.people import service_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from functions_py.local.stack import Stack

SPEC: dict[str, Any] = json.loads(DOCUMENT)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in SPEC["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a part of the document says, a reference followed."""
    found: dict[str, Any] = SPEC
    if "$ref" not in part:
        return part
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def problems(schema: dict[str, Any], instance: object) -> list[str]:
    whole = schema | {"components": SPEC["components"]}  # where its references lead
    validator = OAS31Validator(whole, format_checker=oas31_format_checker)
    return [error.message for error in validator.iter_errors(instance)]


def check_answer(operation: dict[str, Any], answer: httpx.Response) -> None:
    """An answer is one that the operation announces: status, headers, body."""
    announced = operation["responses"].get(str(answer.status_code))
    assert announced, f"{answer.status_code} is not announced: {answer.text}"
    response = resolved(announced)
    if "content" in response:
        schema = response["content"]["application/json"]["schema"]
        assert not problems(schema, answer.json()), answer.text
    for name, header in response.get("headers", {}).items():
        is_optional = name == "Retry-After" and answer.status_code == 200
        assert is_optional or name in answer.headers, name
        assert resolved(header)


def test_the_document_is_valid_openapi_3_1() -> None:
    assert SPEC["openapi"].startswith("3.1.")
    validate(SPEC)


def test_it_describes_every_endpoint_and_no_other() -> None:
    settings = {"supabase_url": "http://x", "supabase_publishable_key": "sb_publishable_x"}
    app = create_app(Settings.model_validate(settings))
    routes = {
        (method.lower(), route.path)
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith(("/api/", "/webhooks/"))
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes - {("get", "/api/openapi.json")} == {(method, path) for method, path, _ in operations()}


def examples() -> Iterator[Any]:
    for method, path, operation in operations():
        for status, announced in operation["responses"].items():
            content = resolved(announced).get("content", {}).get("application/json")
            if content is None:
                continue
            for name, example in content.get("examples", {}).items():
                case = (content["schema"], example["value"])
                yield pytest.param(*case, id=f"{method} {path} {status} {name}")


@pytest.mark.parametrize(("schema", "example"), list(examples()))
def test_an_example_of_an_answer_fits_its_schema(schema: dict[str, Any], example: object) -> None:
    assert not problems(schema, example)


async def test_every_error_code_it_shows_is_a_published_one(stack: Stack) -> None:
    async with connect(stack) as connection:
        rows = await (
            await connection.execute("select code, http_status from private.error_codes")
        ).fetchall()
    published = {row["code"]: row["http_status"] for row in rows}
    published |= {code: status for code, (status, _) in HTTP_CODES.items()}
    for _, path, operation in operations():
        for status, announced in operation["responses"].items():
            if int(status) < 400:
                continue
            for code, example in resolved(announced)["content"]["application/json"]["examples"].items():
                assert example["value"]["code"] == code, path
                assert published[code] == int(status), code


@pytest.mark.parametrize("path", ["/api/v1/video/generate", "/api/generate-video"])
async def test_its_examples_of_orders_are_taken(stack: Stack, path: str) -> None:
    operation = SPEC["paths"][path]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    key = operation["parameters"][0]["examples"]["key"]["value"]
    status = SPEC["paths"]["/api/v1/video/status/{task_id}"]["get"]
    async with caller(stack, credit=1000) as (_, http):
        for example in content["examples"].values():
            assert not problems(content["schema"], example["value"])
            answer = await http.post(path, json=example["value"])
            assert answer.status_code == 202
            check_answer(operation, answer)
            check_answer(status, await http.get(answer.headers["location"]))
        keyed = await http.post(path, json=example["value"], headers={"Idempotency-Key": key})
        check_answer(operation, keyed)


async def test_refusals_are_those_it_announces(stack: Stack) -> None:
    operation = SPEC["paths"]["/api/v1/video/generate"]["post"]
    status = SPEC["paths"]["/api/v1/video/status/{task_id}"]["get"]
    async with functions(stack) as http:
        check_answer(operation, await http.post("/api/v1/video/generate", json={"prompt": "x"}))
    async with caller(stack) as (_, http):
        for content in (b"{", b'{"prompt": 1}', b'{"prompt": "x"}', b" " * 300_000):
            check_answer(operation, await http.post("/api/v1/video/generate", content=content))
        image = {"prompt": "x", "reference_image_path": "nobody/nothing.png"}
        check_answer(operation, await http.post("/api/v1/video/generate", json=image))
        example = status["parameters"][0]["example"]
        for task in (example, "7"):
            check_answer(status, await http.get(f"/api/v1/video/status/{task}"))


async def test_a_purchase_is_begun_and_refused_as_it_announces(stack: Stack) -> None:
    checkout = SPEC["paths"]["/api/checkout"]["post"]
    example = checkout["requestBody"]["content"]["application/json"]["examples"]["package"]["value"]
    service = await service_client(stack)
    package = {
        "id": example["package_id"],
        "reason": "example",
        "name": "Small",
        "credits": 500,
        "amount": 500,
        "currency": "USD",
        "provider": "creem",
        "mode": "test",
        "product_id": "prod_local_small",
    }
    await service.rpc("admin_set_credit_package", package).execute()
    async with caller(stack) as (_, http):
        answer = await http.post("/api/checkout", json=example)
        assert answer.status_code == 201
        check_answer(checkout, answer)
        for content in (b"{", b'{"package_id": "none"}', b" " * 300_000):
            check_answer(checkout, await http.post("/api/checkout", content=content))
        del http.headers["authorization"]
        check_answer(checkout, await http.post("/api/checkout", json=example))
        webhook = SPEC["paths"]["/webhooks/creem"]["post"]
        check_answer(webhook, await http.post("/webhooks/creem", json={}))


async def test_a_prompt_is_optimized_and_refused_as_it_announces(stack: Stack) -> None:
    operation = SPEC["paths"]["/api/optimize-prompt"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["examples"]["video"]["value"]
    async with caller(stack) as (_, http):
        for prompt in (example["prompt"], "[text_503]"):
            answer = await http.post("/api/optimize-prompt", json=example | {"prompt": prompt})
            assert answer.status_code == 200
            check_answer(operation, answer)
        for content in (b"{", b'{"prompt": ""}', b" " * 300_000):
            check_answer(operation, await http.post("/api/optimize-prompt", content=content))
        del http.headers["authorization"]
        check_answer(operation, await http.post("/api/optimize-prompt", json=example))


async def test_it_is_served_to_everybody(stack: Stack) -> None:
    async with functions(stack) as http:
        assert (await http.get("/api/openapi.json")).json() == SPEC
