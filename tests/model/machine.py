"""What anybody may do, in any order; after each step the books must be the model's."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model.ledger import Account, OverdrawnError
from tests.model.tasks import FROM_WORKER, PRICES, SETTINGS, Job, Task

if TYPE_CHECKING:
    from tests.model.database import Database

KEYS = st.sampled_from(["key-1", "key-2", "key-3"])
AMOUNTS = st.integers(1, 500)
KINDS = st.sampled_from(sorted(PRICES))
ANY = st.integers(0, 1000)
"""Picks one of however many there are."""
VIDEO = (
    '{"size_bytes": 1000, "sha256": "'
    + "ab" * 32
    + '", "width": 1280, "height": 720, "duration_seconds": 8.0}'
)
CLIP = '{"google_video_url": "gs://clips/1.mp4"}'


class Money(RuleBasedStateMachine):
    """One history: people, their accounts and tasks, a worker, and a clock that only rules move."""

    database: ClassVar[Database]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.accounts: dict[str, Account] = {}
        """By id; the person is in them."""
        self.tasks: list[Task] = []
        self.unconfirmed: set[str] = set()
        self.former: list[str] = []
        """Deleted users, whose tokens live on."""

    def teardown(self) -> None:
        try:
            assert self.database.findings() == []
        finally:
            self.database.clear()

    @initialize(credit=st.integers(100, 2000), kind=KINDS)
    def a_first_customer(self, credit: int, kind: tuple[int, str]) -> None:
        self.sign_up(is_confirmed=True, is_anonymous=False)
        self.grant(0, credit, None)
        self._generate(0, kind, None)

    @invariant()
    def the_books_are_equal(self) -> None:
        Money.steps += 1
        assert self.database.books(self.accounts) == {
            account.id: {
                "user": account.user_id,
                "balance": account.balance,
                "debt": account.debt,
                "entries": account.entries,
                "tasks": {
                    task.id: [
                        task.status,
                        task.error,
                        task.status in {"failed", "cancelled"},
                        task.job.stage if task.job else None,
                    ]
                    for task in self.tasks
                    if task.account is account
                },
            }
            for account in self.accounts.values()
        }

    # People

    @precondition(lambda self: len(self.people) < 3)
    @rule(is_confirmed=st.booleans(), is_anonymous=st.booleans())
    def sign_up(self, is_confirmed: bool, is_anonymous: bool) -> None:
        self._pass()
        user, account_id = self.database.sign_up(
            is_confirmed=is_confirmed and not is_anonymous, is_anonymous=is_anonymous
        )
        account = self.accounts[account_id] = Account(account_id, user)
        if is_confirmed and not is_anonymous:
            account.post("signup_bonus", SETTINGS["signup_bonus_credits"])
        else:
            self.unconfirmed.add(user)

    @precondition(lambda self: self.people)
    @rule(who=ANY)
    def confirm(self, who: int) -> None:
        """Also a second time: the bonus comes once."""
        self._pass()
        account = self._person(who)
        self.database.confirm(str(account.user_id))
        if account.user_id in self.unconfirmed:
            self.unconfirmed.remove(account.user_id)
            account.post("signup_bonus", SETTINGS["signup_bonus_credits"])

    @precondition(lambda self: len(self.people) > 1)
    @rule(who=ANY, softly=st.booleans())
    def delete_user(self, who: int, softly: bool) -> None:
        self._pass()
        account = self._person(who)
        user = str(account.user_id)
        self.database.delete_user(user, softly=softly)
        for task in sorted(self.tasks, key=lambda task: task.id):
            if task.account is account and task.job is not None:
                task.end("failed", "user_deleted")
        account.user_id = None
        self.former.append(user)

    @precondition(lambda self: self.former)
    @rule(who=ANY)
    def order_with_the_token_of_a_deleted_user(self, who: int) -> None:
        answer = self.database.rpc(self.former[who % len(self.former)], "generate_video('a cat')")
        assert answer == "not_authenticated"

    # Credits

    @precondition(lambda self: self.people)
    @rule(who=ANY, amount=AMOUNTS, key=st.none() | KEYS)
    def grant(self, who: int, amount: int, key: str | None) -> None:
        account = self._person(who)
        call = "admin_grant_credits(%s, %s, 'model', %s)"
        answer = self.database.rpc(None, call, account.user_id, amount, key)
        known = account.keys.get(("admin_grant", key or ""))
        if known is not None and known != amount:
            assert answer == "idempotency_conflict"
            return
        if known is None:
            account.post("admin_grant", amount)
        if key is not None:
            account.keys["admin_grant", key] = amount
        assert answer == {"balance": account.balance}

    @precondition(lambda self: self.accounts)
    @rule(
        who=ANY,
        amount=AMOUNTS,
        kind=st.sampled_from(["purchase", "purchase", "purchase_refund", "admin_deduct"]),
    )
    def post(self, who: int, amount: int, kind: str) -> None:
        """What is refunded and was spent already becomes a debt, also of somebody who has left."""
        amount = amount if kind == "purchase" else -amount
        account = list(self.accounts.values())[who % len(self.accounts)]
        try:
            account.post(kind, amount)
            refused = None
        except OverdrawnError:
            refused = "entry_adds_up"
        assert self.database.post(account.id, kind, amount, str(uuid.uuid4())) == refused

    @precondition(lambda self: self.accounts)
    @rule(who=ANY, more=st.integers(0, 100))
    def refund_what_is_spent(self, who: int, more: int) -> None:
        """A purchase of all there is, and more: a debt."""
        account = list(self.accounts.values())[who % len(self.accounts)]
        self.post(who, account.balance + more, "purchase_refund")

    # Tasks

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS)
    def generate(self, who: int, kind: tuple[int, str]) -> None:
        self._generate(who, kind, None)

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS, key=KEYS)
    def generate_with_a_key(self, who: int, kind: tuple[int, str], key: str) -> None:
        """And once more, as a client whose answer was lost."""
        self._generate(who, kind, key)
        self._generate(who, kind, key)

    def _generate(self, who: int, kind: tuple[int, str], key: str | None) -> None:
        self._pass()
        account = self._person(who)
        call = "generate_video('a cat', %s, %s, idempotency_key => %s)"
        answer = self.database.rpc(account.user_id, call, *kind, key)
        mine = [task for task in self.tasks if task.account is account]
        if first := next((task for task in mine if key is not None and task.key == key), None):
            if first.request != kind:
                assert answer == "idempotency_conflict"
                return
            assert (answer["task_id"], answer["status"]) == (first.id, first.status)
        elif sum(task.job is not None for task in mine) >= SETTINGS["video_concurrent_limit"]:
            assert answer == "concurrent_limit_exceeded"
            return
        elif account.balance < PRICES[kind]:
            assert answer == "insufficient_credits"
            return
        else:
            job = Job(self.now, self.now + SETTINGS["video_submit_deadline_seconds"])
            first = Task(answer["task_id"], account, PRICES[kind], kind, key, self.now, job)
            account.post("video_generation", -first.cost, first.id)
            self.tasks.append(first)
        assert (answer["credit_cost"], answer["balance"]) == (first.cost, account.balance)

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, by_somebody_else=st.booleans())
    def cancel(self, which: int, by_somebody_else: bool) -> None:
        self._pass()
        task = self._task(which)
        owner = task.account.user_id
        others = [person.user_id for person in self.people if person.user_id != owner]
        caller = owner if owner and not by_somebody_else else next(iter(others), None)
        if caller is None:
            return
        answer = self.database.rpc(caller, "cancel_video(%s)", task.id)
        refused = "task_not_found" if caller != owner else task.cancel()
        if refused:
            assert answer == refused
        else:
            assert (answer["status"], answer["refunded_credits"]) == ("cancelled", task.cost)

    # The worker

    @precondition(lambda self: self.live)
    @rule()
    def claim(self) -> None:
        self._pass()
        leases = self.database.claim()
        due = [task for task in self.live if task.job and task.job.due <= self.now]
        assert leases.keys() == {task.id for task in due}
        for task in due:
            task.claim(leases[task.id], self.now)

    @precondition(lambda self: self.live)
    @rule(which=ANY, steps=st.integers(1, 5))
    def work_on(self, which: int, steps: int) -> None:
        """What a worker without mishaps does next: so that histories get far."""
        task = self.live[which % len(self.live)]
        for _ in range(steps):
            self._work_on(task)

    def _work_on(self, task: Task) -> None:
        self._hold(task)
        if task.job is None or task.job.lease is None:
            return
        match task.job.stage:
            case "submit":
                self._begin_submit(task, task.job.lease)
            case "submitting":
                self._record_operation(task, task.job.attempt)
            case "poll" | "reconcile":
                self._record_poll(task, task.job.lease, "succeeded")
            case "transfer":
                self._transfer(task, task.job.lease)

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, lease=ANY)
    def begin_submit(self, which: int, lease: int) -> None:
        self._begin_submit(*self._verdict(which, lease))

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, attempt=st.integers(0, 3))
    def record_operation(self, which: int, attempt: int) -> None:
        self._record_operation(*self._attempt(which, attempt))

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, attempt=st.integers(0, 3), outcome=st.sampled_from(["refused", "unknown"]))
    def requeue_submit(self, which: int, attempt: int, outcome: str) -> None:
        task, attempt = self._attempt(which, attempt)
        answer = self.database.verb("requeue_submit(%s, %s, %s, '{}', null)", task.id, attempt, outcome)
        assert answer == task.requeue_submit(attempt, outcome, self.now)

    @precondition(lambda self: self.tasks)
    @rule(
        which=ANY,
        lease=ANY,
        outcome=st.sampled_from(["running", "unavailable", "missing", "succeeded", "retryable", "retryable"]),
    )
    def record_poll(self, which: int, lease: int, outcome: str) -> None:
        self._record_poll(*self._verdict(which, lease), outcome)

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, lease=ANY)
    def transfer(self, which: int, lease: int) -> None:
        self._transfer(*self._verdict(which, lease))

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, lease=ANY, error=st.sampled_from([*FROM_WORKER, "download_failed", "video_expired"]))
    def fail(self, which: int, lease: int, error: str) -> None:
        task, token = self._verdict(which, lease)
        answer = self.database.verb("fail_video(%s, %s, %s, '{}')", task.id, token, error)
        assert answer == task.fail(token, error, self.now)

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, lease=ANY)
    def extend(self, which: int, lease: int) -> None:
        task, token = self._verdict(which, lease)
        assert self.database.verb("extend_lease(%s, %s)", task.id, token) == task.extend(token, self.now)

    @precondition(lambda self: self.live)
    @rule()
    def stop_the_worker(self) -> None:
        self._pass()
        assert self.database.verb("release_leases('worker-1')") == "applied"
        for task in self.live:
            task.release(self.now)

    # Time

    @rule(seconds=st.sampled_from([30, 61, 601, 901, 1801, 48 * 3600]))
    def let_time_pass(self, seconds: int) -> None:
        self._pass(seconds)

    @rule()
    def sweep(self) -> None:
        self._pass()
        abandoned = [task for task in self.live if task.is_abandoned(self.now)]
        assert self.database.sweep() == len(abandoned)
        for task in sorted(abandoned, key=lambda task: (task.account.id, task.id)):
            task.sweep()

    # What the rules share

    @property
    def people(self) -> list[Account]:
        return [account for account in self.accounts.values() if account.user_id is not None]

    @property
    def live(self) -> list[Task]:
        return [task for task in self.tasks if task.job is not None]

    def _person(self, who: int) -> Account:
        return self.people[who % len(self.people)]

    def _task(self, which: int) -> Task:
        return self.tasks[which % len(self.tasks)]

    def _verdict(self, which: int, lease: int) -> tuple[Task, str]:
        """A task to be judged, and under which lease: the one that holds, an old or nobody's."""
        self._pass()
        if lease % 3 == 0 or not self.live:
            task = self._task(which)
            return task, task.leases[lease % len(task.leases)] if task.leases and lease % 2 else str(
                uuid.uuid4()
            )
        task = self.live[which % len(self.live)]
        self._hold(task)
        return task, task.leases[-1]

    def _attempt(self, which: int, attempt: int) -> tuple[Task, int]:
        """A task and one of its paid calls: the newest, or any there is or is not."""
        self._pass()
        task = self._task(which)
        return task, attempt or max(task.calls, default=1)

    def _hold(self, task: Task) -> None:
        """Has a worker claim what is to be judged, as soon as it is due."""
        if task.job is not None and task.job.lease is None:
            self.now = max(self.now, task.job.due)
            self.claim()

    def _pass(self, seconds: int = 2) -> None:
        self.now += seconds
        self.database.set_time(self.now)

    def _begin_submit(self, task: Task, lease: str) -> None:
        answer = self.database.verb("begin_submit(%s, %s)", task.id, lease)
        assert answer == task.begin_submit(lease, self.now)

    def _record_operation(self, task: Task, attempt: int) -> None:
        operation = f"operations/{task.id}/{attempt}"
        answer = self.database.verb("record_operation(%s, %s, %s)", task.id, attempt, operation)
        assert answer == task.record_operation(attempt, operation, self.now)

    def _record_poll(self, task: Task, lease: str, outcome: str) -> None:
        detail = CLIP if outcome == "succeeded" else "{}"
        answer = self.database.verb("record_poll(%s, %s, %s, %s)", task.id, lease, outcome, detail)
        assert answer == task.record_poll(lease, outcome, self.now)

    def _transfer(self, task: Task, lease: str) -> None:
        answer: Any = self.database.verb("begin_transfer(%s, %s)", task.id, lease)
        assert answer == task.begin_transfer(lease, self.now)
        if answer in {"applied", "already_applied"}:
            self.database.store_file(task.id)
        answer = self.database.verb("complete_video(%s, %s, %s)", task.id, lease, VIDEO)
        assert answer == task.complete(lease)
