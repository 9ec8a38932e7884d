"""`make demo`: three videos on this machine, from the sign-up to the showcase.

A fresh stack, a new user who buys credits, and three orders at once, through the ordinary Supabase client: a
video from a text, one from an image, and one that the safety filter refuses. Ends with the files and a ledger
that adds up, and leaves nothing running.
"""

from __future__ import annotations

import io
import secrets
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import av
import httpx
from PIL import Image, ImageDraw
from rich.console import Console
from rich.live import Live
from rich.table import Table
from supabase import create_client

from functions_py.local.cli import signals_interrupt
from functions_py.local.demo_product import (
    DemoFailedError,
    call,
    improved,
    shown_to_everybody,
    token_of,
)
from functions_py.local.processes import CommandError
from functions_py.local.stack import Stack, StackBusyError
from functions_py.local.tools import ROOT, SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from supabase import Client

PACKAGE = {
    "id": "starter",
    "name": "Starter",
    "credits": 300,
    "amount": 500,
    "currency": "USD",
    "provider": "creem",
    "mode": "test",
    "product_id": "prod_local_small",
}
"""What is on sale: the stand-in for Creem sells a product of this id and price."""
OUTPUT = ROOT / ".local" / "videos"
_PATIENCE_SECONDS = 90.0
_ENDED = {"completed": "green", "failed": "red", "cancelled": "red"}
_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080)}


@dataclass
class Order:
    """One video that the demo orders: what it asks for, and how it must end."""

    title: str
    expected: str
    parameters: dict[str, Any]
    status: dict[str, Any] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.status["status"] in _ENDED


def main() -> int:
    """Runs the demo. 0 if everything came out as promised, 1 if not, 130 when it was interrupted."""
    console = Console(highlight=False)
    started = time.monotonic()
    try:
        with signals_interrupt():
            console.print(
                "Starting Postgres, PostgREST, the stand-ins for Supabase, Google and Creem, the worker "
                "and the HTTP functions"
            )
            with Stack.start("demo") as stack:
                console.print(f"[dim]ready after {time.monotonic() - started:.1f} s[/dim]\n")
                show(stack, console)
    except (CommandError, SetupError, StackBusyError, DemoFailedError) as error:
        console.print(f"[red]error:[/red] {error}", soft_wrap=True, markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    console.print(f"\n[dim]{time.monotonic() - started:.1f} s in all; nothing is left running[/dim]")
    return 0


def show(stack: Stack, console: Console) -> None:
    """Everything the demo does on a running stack.

    Raises:
        DemoFailedError: a video or the ledger is not what was promised.
    """
    support = create_client(stack.env["API_URL"], stack.env["SECRET_KEY"])
    user = create_client(stack.env["API_URL"], stack.env["PUBLISHABLE_KEY"])
    email = "ada@example.com"
    session = user.auth.sign_up({"email": email, "password": secrets.token_urlsafe()})
    if session.user is None:
        raise DemoFailedError("the sign-up brought no user")
    user_id = session.user.id
    call(support, "admin_set_credit_package", reason="Demo", **PACKAGE)
    buy(stack, user)
    console.print(
        f"{email} signed up and bought {PACKAGE['credits']} credits for 5.00 USD, in a pretended shop."
    )

    image_path = f"{user_id}/first-frame.png"
    user.storage.from_("reference-images").upload(image_path, first_frame(), {"content-type": "image/png"})
    prompt = improved(stack, user, "A paper boat drifts down a rainy street at dusk")
    console.print(f"The prompt optimizer made of a few words: [italic]{prompt}[/italic]")
    image = call(
        user,
        "record_image",
        prompt="A low sun over the sea",
        bucket="reference-images",
        path=image_path,
        width=1080,
        height=1920,
    )
    orders = [
        Order(
            "text to video",
            "completed",
            {"prompt": prompt, "duration": 6},
        ),
        Order(
            "image to video",
            "completed",
            {
                "prompt": "The sun rises and the waves begin to move",
                "duration": 4,
                "aspect_ratio": "9:16",
                "resolution": "1080p",
                "reference_image_id": image["id"],
            },
        ),
        Order(
            "refused by the safety filter",
            "failed",
            {"prompt": "Something that the filter refuses [safety]", "duration": 4},
        ),
    ]
    for order in orders:
        order.status = call(user, "generate_video", **order.parameters)
    console.print("Three videos ordered at once; they are paid, and the worker is on its way.\n")
    watch(user, orders, console)

    files = [path for order in orders for path in collect(user, order)]
    console.print("\nFiles, checked for length and size:")
    for path in files:
        console.print(f"  {path}", soft_wrap=True)
    shown = shown_to_everybody(stack, user, orders[0].status["task_id"])
    console.print(
        f"\nThe first one is approved for the showcase, where visitors play\n  {shown}", soft_wrap=True
    )
    call(user, "rate_video", task_id=orders[0].status["task_id"], stars=5)
    print_history(user, console)
    print_ledger(user, console)
    console.print(
        "\nGo on: [bold]make up[/bold] leaves a stack running, [bold]make env[/bold] says how to reach it, "
        "README.md shows the ten lines a client needs."
    )


def buy(stack: Stack, user: Client) -> None:
    """Buys the package as a browser would: checkout, the provider's page, and the webhook that follows.

    Raises:
        DemoFailedError: the credits did not come.
    """
    with httpx.Client(timeout=30, trust_env=False) as browser:
        checkout = browser.post(
            f"{stack.env['FUNCTIONS_URL']}/api/checkout",
            json={"package_id": PACKAGE["id"]},
            headers={"authorization": f"Bearer {token_of(user)}"},
        )
        browser.post(checkout.raise_for_status().json()["checkout_url"]).raise_for_status()
    balance = call(user, "get_credits")["balance"]
    if balance != PACKAGE["credits"]:
        raise DemoFailedError(f"{PACKAGE['credits']} credits were bought, the balance is {balance}")


def watch(user: Client, orders: list[Order], console: Console) -> None:
    """Shows the tasks as their owner polls them, until each has ended as it must.

    Raises:
        DemoFailedError: one ended otherwise, or not in time.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with Live(progress(orders), console=console, refresh_per_second=8) as live:
        while not all(order.has_ended for order in orders):
            if time.monotonic() > deadline:
                raise DemoFailedError(f"not finished after {_PATIENCE_SECONDS:.0f} s; see .local/demo/logs")
            time.sleep(0.25)
            for order in orders:
                if not order.has_ended:
                    order.status = call(user, "get_video_status", task_id=order.status["task_id"])
            live.update(progress(orders))
    for order in orders:
        if order.status["status"] != order.expected:
            raise DemoFailedError(f"{order.title}: {order.status}")
        if error := order.status["error"]:
            console.print(f"\nWhat the owner of the refused one is told: [italic]{error['message']}[/italic]")


def progress(orders: Iterable[Order]) -> Table:
    """The live display."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("order", "status", "seconds", "credits"):
        table.add_column(heading, justify="right" if heading in ("seconds", "credits") else "left")
    for order in orders:
        status = order.status["status"]
        credits_spent = order.status["credit_cost"] - order.status.get("refunded_credits", 0)
        table.add_row(
            order.title,
            f"[{_ENDED.get(status, 'yellow')}]{status}[/]",
            str(order.status.get("elapsed_seconds", 0)),
            str(credits_spent),
        )
    return table


def collect(user: Client, order: Order) -> list[Path]:
    """Downloads a completed task's video and thumbnail into .local/videos and checks the video.

    Raises:
        DemoFailedError: it is not the video that was ordered.
    """
    video = order.status.get("video")
    if video is None:
        return []
    OUTPUT.mkdir(parents=True, exist_ok=True)
    paths = []
    for stored in (video["path"], video["thumbnail_path"]):
        path = OUTPUT / stored.rsplit("/", 1)[1]
        path.write_bytes(user.storage.from_(video["bucket"]).download(stored))
        paths.append(path)
    check_video(paths[0], order.parameters)
    return paths


def check_video(path: Path, ordered: dict[str, Any]) -> None:
    """Plays a file to its end, and compares it with what was ordered.

    Raises:
        DemoFailedError: length (within 0.5 s) or size differ.
    """
    wide, high = _SIZES[ordered.get("resolution", "720p")]
    size = (high, wide) if ordered.get("aspect_ratio") == "9:16" else (wide, high)
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        seconds = sum(1 for _ in container.decode(stream)) / float(stream.average_rate or 24)
        found = (stream.width, stream.height)
    if abs(seconds - ordered["duration"]) > 0.5 or found != size:
        raise DemoFailedError(
            f"{path}: {seconds:.2f} s of {found} instead of {ordered['duration']} s of {size}"
        )


def print_history(user: Client, console: Console) -> None:
    """Prints what the user made, videos and images in one list.

    Raises:
        DemoFailedError: something is missing.
    """
    items = call(user, "list_generations")["items"]
    table = Table(title="History", title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("type", "status", "prompt"):
        table.add_column(heading)
    for item in items:
        table.add_row(item["content_type"], item["status"], item["prompt"])
    console.print()
    console.print(table)
    found = call(user, "search_images", search="sun")["items"]
    if len(items) != 4 or [image["prompt"] for image in found] != ["A low sun over the sea"]:
        raise DemoFailedError(f"the history is not what was made: {items}, {found}")


def print_ledger(user: Client, console: Console) -> None:
    """Prints the user's ledger and adds it up.

    Raises:
        DemoFailedError: it does not add up to the balance.
    """
    entries = call(user, "list_credit_transactions", page_size=100)["items"]
    balance = call(user, "get_credits")["balance"]
    table = Table(title="Ledger", title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading, side in (("entry", "left"), ("amount", "right"), ("balance", "right"), ("reason", "left")):
        table.add_column(heading, justify="right" if side == "right" else "left")
    for entry in reversed(entries):
        table.add_row(
            entry["type"], f"{entry['amount']:+d}", str(entry["balance_after"]), entry["reason"] or ""
        )
    total = sum(entry["amount"] for entry in entries)
    table.add_row("[bold]sum[/bold]", f"[bold]{total}[/bold]", f"[bold]{balance}[/bold]", "")
    console.print()
    console.print(table)
    if total != balance:
        raise DemoFailedError(f"the entries add up to {total}, the balance is {balance}")


def first_frame() -> bytes:
    """A PNG to start a video from: a low sun over the sea, 1080x1920."""
    image = Image.new("RGB", (1080, 1920))
    draw = ImageDraw.Draw(image)
    for y in range(1920):
        warm = y / 1920
        draw.line(
            [(0, y), (1080, y)], fill=(int(250 - 120 * warm), int(170 - 70 * warm), int(110 + 70 * warm))
        )
    draw.ellipse([(390, 760), (690, 1060)], fill=(255, 226, 150))
    for wave in range(12):
        draw.line([(0, 1130 + 65 * wave), (1080, 1120 + 65 * wave)], fill=(70, 90, 140), width=14)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    shutil.rmtree(OUTPUT, ignore_errors=True)
    raise SystemExit(main())
