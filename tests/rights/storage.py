"""Every operation of the Storage API on every bucket, tried by everybody at an object that is Ann's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import httpx

from tests.rights.cast import PNG

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from functions_py.local.stack import Stack
    from tests.rights.cast import Cast, Identity

_TYPES = {"videos": "video/mp4", "reference-images": "image/png"}


async def storage_rows(stack: Stack, cast: Cast) -> list[tuple[str, str, tuple[str, ...]]]:
    """(bucket, act, a cell for each identity); who does not come by HTTP has `-`."""
    base = f"{stack.env['API_URL']}/storage/v1"
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        service = _Caller(http, base, stack.env["PUBLISHABLE_KEY"], cast["service_role"])
        buckets = [bucket["id"] for bucket in (await service.get("/bucket")).json()]
        rows = []
        for bucket in sorted(buckets):
            for act, attempt in _ACTS.items():
                cells = []
                for identity in cast.identities:
                    if identity.token is None:
                        cells.append("-")
                        continue
                    place = await _Place.made(service, bucket, cast["Ann"], identity)
                    caller = _Caller(http, base, stack.env["PUBLISHABLE_KEY"], identity)
                    cells.append("yes" if await attempt(caller, place) else "-")
                    await place.cleared(service)
                rows.append((bucket, act, tuple(cells)))
    return rows


class _Caller:
    def __init__(self, http: httpx.AsyncClient, base: str, key: str, identity: Identity) -> None:
        token = identity.token or ""
        # A key stands for its role by itself; a user's token comes with the publishable key.
        self._headers = {
            "apikey": token if token.startswith("sb_") else key,
            "Authorization": f"Bearer {token}",
        }
        self._http, self._base = http, base

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(self._base + path, headers=self._headers)

    async def post(self, path: str, body: object) -> httpx.Response:
        return await self._http.post(self._base + path, headers=self._headers, json=body)

    async def delete(self, path: str, body: object) -> httpx.Response:
        return await self._http.request("DELETE", self._base + path, headers=self._headers, json=body)

    async def upload(self, bucket: str, path: str, *, upsert: bool = False) -> httpx.Response:
        headers = self._headers | {
            "content-type": _TYPES.get(bucket, "image/png"),
            "x-upsert": str(upsert).lower(),
        }
        return await self._http.post(f"{self._base}/object/{bucket}/{path}", headers=headers, content=PNG)


class _Place:
    """An object of Ann's, and free names in her folder and in that of whoever tries."""

    def __init__(self, bucket: str, owner: str, own: str) -> None:
        self.bucket, self.folder = bucket, owner
        self.path = f"{owner}/{uuid4()}.png"
        self.free = f"{owner}/{uuid4()}.png"
        self.own = f"{own}/{uuid4()}.png"
        self.root = f"{uuid4()}.png"

    @classmethod
    async def made(cls, service: _Caller, bucket: str, ann: Identity, identity: Identity) -> _Place:
        place = cls(bucket, str(ann.user_id), str(identity.user_id or uuid4()))
        (await service.upload(bucket, place.path)).raise_for_status()
        return place

    async def cleared(self, service: _Caller) -> None:
        prefixes = [self.path, self.free, self.own, self.root]
        (await service.delete(f"/object/{self.bucket}", {"prefixes": prefixes})).raise_for_status()


async def _lists(caller: _Caller, place: _Place) -> bool:
    answer = await caller.post(f"/object/list/{place.bucket}", {"prefix": place.folder, "limit": 1000})
    return answer.is_success and any(place.path.endswith(item["name"]) for item in answer.json())


async def _removes(caller: _Caller, place: _Place) -> bool:
    answer = await caller.delete(f"/object/{place.bucket}", {"prefixes": [place.path]})
    return answer.is_success and bool(answer.json())


def _moves(verb: str) -> Callable[[_Caller, _Place], Awaitable[bool]]:
    async def attempt(caller: _Caller, place: _Place) -> bool:
        body = {"bucketId": place.bucket, "sourceKey": place.path, "destinationKey": place.own}
        return (await caller.post(f"/object/{verb}", body)).is_success

    return attempt


async def _reads(caller: _Caller, place: _Place) -> bool:
    return (await caller.get(f"/object/authenticated/{place.bucket}/{place.path}")).is_success


async def _reads_publicly(caller: _Caller, place: _Place) -> bool:
    return (await caller.get(f"/object/public/{place.bucket}/{place.path}")).is_success


async def _signs(caller: _Caller, place: _Place) -> bool:
    return (await caller.post(f"/object/sign/{place.bucket}/{place.path}", {"expiresIn": 60})).is_success


async def _uploads(caller: _Caller, place: _Place) -> bool:
    return (await caller.upload(place.bucket, place.own)).is_success


async def _uploads_there(caller: _Caller, place: _Place) -> bool:
    return (await caller.upload(place.bucket, place.free)).is_success


async def _uploads_to_the_root(caller: _Caller, place: _Place) -> bool:
    return (await caller.upload(place.bucket, place.root)).is_success


async def _replaces(caller: _Caller, place: _Place) -> bool:
    return (await caller.upload(place.bucket, place.path, upsert=True)).is_success


_ACTS: dict[str, Callable[[_Caller, _Place], Awaitable[bool]]] = {
    "read": _reads,
    "read by its public URL": _reads_publicly,
    "list": _lists,
    "sign": _signs,
    "upload into the own folder": _uploads,
    "upload into Ann's folder": _uploads_there,
    "upload beside the folders": _uploads_to_the_root,
    "replace": _replaces,
    "move to the own folder": _moves("move"),
    "copy to the own folder": _moves("copy"),
    "remove": _removes,
}
