"""Creem's API, as much of it as we call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from functions_py.errors import unavailable
from functions_py.payments.creem.wire import Checkout, Transaction

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pydantic import SecretStr

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 15.0
PAGE_SIZE: Final = 50


T = TypeVar("T", bound=BaseModel)


class _Pagination(BaseModel):
    next_page: int | None = None


class _Transactions(BaseModel):
    items: list[Transaction]
    pagination: _Pagination


class Creem:
    """One shop in one mode. Every method raises ApiError upstream_unavailable without a good answer."""

    def __init__(self, http: httpx.AsyncClient, url: str, api_key: SecretStr) -> None:
        self._http = http
        self._url = url
        self._headers = {"x-api-key": api_key.get_secret_value()}

    async def create_checkout(self, body: dict[str, Any]) -> Checkout:
        return _read(Checkout, await self._send("POST", "/v1/checkouts", json=body))

    async def checkout(self, checkout_id: str) -> tuple[Checkout, dict[str, Any]]:
        """A checkout as it is now, and as Creem wrote it."""
        answer = await self._send("GET", "/v1/checkouts", params={"checkout_id": checkout_id})
        return _read(Checkout, answer), answer.json()

    async def transactions(self) -> AsyncIterator[Transaction]:
        """All transactions of the shop, page by page, in Creem's order."""
        page: int | None = 1
        while page is not None:
            answer = await self._send(
                "GET", "/v1/transactions/search", params={"page_number": page, "page_size": PAGE_SIZE}
            )
            found = _read(_Transactions, answer)
            for transaction in found.items:
                yield transaction
            page = found.pagination.next_page if found.items else None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, Any] | None = None,
        params: dict[str, str | int] | None = None,
    ) -> httpx.Response:
        try:
            answer = await self._http.request(
                method,
                f"{self._url}{path}",
                headers=self._headers,
                timeout=TIMEOUT_SECONDS,
                json=json,
                params=params,
            )
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            log.warning(
                "creem_refused", path=path, status=error.response.status_code, body=error.response.text[:200]
            )
            raise unavailable("The payment service") from None
        except httpx.HTTPError as error:
            log.warning("creem_unreachable", path=path, error=f"{type(error).__name__}: {error}")
            raise unavailable("The payment service") from None
        return answer


def _read(shape: type[T], answer: httpx.Response) -> T:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError as error:
        log.warning(
            "creem_not_understood", path=answer.request.url.path, problems=error.errors(include_input=False)
        )
        raise unavailable("The payment service") from None
