"""Auth's routes below `/auth/v1`, and its answers that need no database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from functions_py.local.platform.auth import admin, signup, token, user
from functions_py.local.platform.auth.errors import AuthError, error_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from functions_py.local.platform.context import Context

    Handler = Callable[[Context, Request], Awaitable[Response]]

COMPATIBLE_VERSION = "v2.197.0"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_routes(context: Context) -> list[BaseRoute]:
    """Everything of Auth's API that a project without mail, telephone and third parties can use."""

    def route(path: str, handler: Handler, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await handler(context, request)
            except AuthError as error:
                return error_response(request, error)

        return Route(path, endpoint, methods=methods)

    return [
        route("/signup", signup.signup, "POST"),
        route("/token", token.token, "POST"),
        route("/user", user.get_user, "GET"),
        route("/user", user.update_own_user, "PUT"),
        route("/logout", user.logout, "POST"),
        route("/admin/users", admin.create, "POST"),
        route("/admin/users", admin.list_page, "GET"),
        route("/admin/users/{user_id}", admin.get, "GET"),
        route("/admin/users/{user_id}", admin.update, "PUT"),
        route("/admin/users/{user_id}", admin.delete, "DELETE"),
        route("/health", _health, "GET"),
        route("/settings", _settings, "GET"),
        route("/.well-known/jwks.json", _jwks, "GET"),
        route("/.well-known/openid-configuration", _discovery, "GET"),
        route("/{path:path}", _absent, *_METHODS),
    ]


async def _health(_: Context, __: Request) -> Response:
    return JSONResponse(
        {
            "version": COMPATIBLE_VERSION,
            "name": "GoTrue",
            "description": "Local stand-in for Supabase Auth, for development only",
        }
    )


async def _settings(context: Context, _: Request) -> Response:
    settings = context.settings
    return JSONResponse(
        {
            "external": {
                "email": True,
                "phone": False,
                "anonymous_users": settings.auth_anonymous_sign_ins,
            },
            "disable_signup": not settings.auth_signup_enabled,
            "mailer_autoconfirm": settings.auth_autoconfirm,
            "phone_autoconfirm": False,
            "sms_provider": "",
            "saml_enabled": False,
        }
    )


async def _jwks(context: Context, _: Request) -> Response:
    return JSONResponse(context.keys.public_jwks(), headers={"cache-control": "public, max-age=600"})


async def _discovery(context: Context, _: Request) -> Response:
    issuer = f"{context.settings.api_url}/auth/v1"
    return JSONResponse(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json",
            "token_endpoint": f"{issuer}/token",
            "id_token_signing_alg_values_supported": [context.keys.algorithm],
            "subject_types_supported": ["public"],
        },
        headers={"cache-control": "public, max-age=600"},
    )


async def _absent(_: Context, request: Request) -> Response:
    raise AuthError(
        501,
        "not_available_locally",
        f"{request.method} {request.url.path} is not part of the local Auth stand-in: it has no mailer, "
        "telephone or third-party providers",
    )
