"""All that one has made, by RPC and by table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.examples.cast import ANN, BOB

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling

TABLES: Final = {
    "credit_accounts": "balance,debt",
    "video_generation_history": "id,status,error_code&order=created_at.desc&limit=1",
    "image_generation_history": "id,prompt,path",
    "video_ratings": "stars",
    "credit_transactions": "entry_no,type,amount,balance_after&order=entry_no.desc&limit=2",
}


async def history(tell: Telling, _shop: Shop) -> None:
    tell.chapter("History", "Pages, newest first; `next_cursor` asks for the next one.")
    tell.section("Videos")
    await tell.rpc(ANN, "list_videos", status="completed", page_size=1, keeps={"latest": "items.0.task_id"})
    tell.section("Videos and images together")
    await tell.rpc(ANN, "list_generations", page_size=1, keeps={"more": "next_cursor"})
    await tell.rpc(ANN, "list_generations", content_type="image", page_size=1, text="Images alone:")
    await tell.rpc(ANN, "list_generations", 422, cursor="?", text="A cursor that nobody gave out:")
    tell.section("Every movement of credits")
    await tell.rpc(ANN, "list_credit_transactions", page_size=2)
    await _tables(tell)
    tell.section("Delete")
    await tell.rpc(ANN, "delete_video", 409, task_id="{sail}", text="Not while it is being made:")
    await tell.rpc(ANN, "delete_video", task_id="{filtered}")
    await tell.rpc(BOB, "delete_image", 404, image_id="{image}", text="Nor what is somebody else's:")
    await tell.rpc(ANN, "cancel_video", task_id="{sail}", shows=("status",))
    await tell.rpc(ANN, "delete_image", image_id="{image}")


async def _tables(tell: Telling) -> None:
    tell.section("Tables and views", "Own rows only, with any filter of PostgREST.")
    await tell.call(ANN, "GET /rest/v1/videos?select=id,status,model,duration&order=created_at.desc&limit=1")
    for table, columns in TABLES.items():
        await tell.call(ANN, f"GET /rest/v1/{table}?select={columns}")
    tell.section("The one thing that is written directly")
    await tell.call(
        ANN,
        "PATCH /rest/v1/profiles?id=eq.{ann}",
        body={"display_name": "Ann"},
        headers={"Prefer": "return=representation"},
    )
