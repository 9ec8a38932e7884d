"""What anybody may do, in any order; after each step the books must be the model's."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.model.history import ANY, KEYS
from tests.model.house import DAY
from tests.model.ledger import Account
from tests.model.office import Office
from tests.model.tasks import CENTS_PER_SECOND, FROM_WORKER, PRICES, SETTINGS, Job, Task

KINDS = st.sampled_from(sorted(PRICES))
VIDEO = (
    '{"size_bytes": 1000, "sha256": "'
    + "ab" * 32
    + '", "width": 1280, "height": 720, "duration_seconds": 8.0}'
)
CLIP = '{"google_video_url": "gs://clips/1.mp4"}'


class Money(Office):
    """People, their tasks, a worker; and, from the office, administrators and the payment provider."""

    @initialize(credit=st.integers(100, 2000), kind=KINDS)
    def a_first_customer(self, credit: int, kind: tuple[int, str]) -> None:
        self.sign_up(is_confirmed=True, is_anonymous=False)
        self.grant(0, credit, None)
        self.generate_with_a_key(0, kind, "key-1")

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
            if task.account is account:
                if task.job is not None:
                    task.end("failed", "user_deleted")
                task.is_deleted = True
        account.user_id = None
        self.former.append(user)

    @precondition(lambda self: self.former)
    @rule(who=ANY)
    def order_with_the_token_of_a_deleted_user(self, who: int) -> None:
        answer = self.database.rpc(self.former[who % len(self.former)], "generate_video('a cat')")
        assert answer == "not_authenticated"

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
            if first.request != kind and not first.is_deleted:
                assert answer == "idempotency_conflict"
                return
            assert (answer["task_id"], answer["status"]) == (first.id, first.status)
        elif not self.house.is_open:
            assert answer == "generation_disabled"
            return
        elif self.house.is_paused:
            assert answer == "model_unavailable"
            return
        elif (
            sum(task.job is not None and task.retry_of is None for task in mine)
            >= SETTINGS["video_concurrent_limit"]
        ):
            assert answer == "concurrent_limit_exceeded"
            return
        elif account.balance < PRICES[kind]:
            assert answer == "insufficient_credits"
            return
        elif not self.house.can_afford(CENTS_PER_SECOND * kind[0], self.now // DAY):
            assert answer == "spend_cap_reached"
            return
        else:
            job = Job(self.now, self.now + SETTINGS["video_submit_deadline_seconds"])
            first = Task(answer["task_id"], account, PRICES[kind], kind, key, self.now, job)
            account.post("video_generation", -first.cost, first.id)
            self.tasks.append(first)
        assert (answer["credit_cost"], answer["balance"]) == (first.cost, account.balance)

    @precondition(lambda self: self.tasks and self.people)
    @rule(which=ANY, by_somebody_else=st.booleans())
    def cancel(self, which: int, by_somebody_else: bool) -> None:
        self._pass()
        task = self._rather_a_live_one(which)
        caller = self._caller(task, by_somebody_else)
        answer = self.database.rpc(caller, "cancel_video(%s)", task.id)
        refused = task.cancel() if caller == task.account.user_id else "task_not_found"
        if refused:
            assert answer == refused
        else:
            assert (answer["status"], answer["refunded_credits"]) == ("cancelled", task.cost)

    @precondition(lambda self: self.tasks and self.people)
    @rule(which=ANY, by_somebody_else=st.booleans())
    def delete_video(self, which: int, by_somebody_else: bool) -> None:
        self._pass()
        task = self._task(which)
        caller = self._caller(task, by_somebody_else)
        answer = self.database.rpc(caller, "delete_video(%s)", task.id)
        refused = task.delete() if caller == task.account.user_id else "task_not_found"
        assert answer == (refused or {"deleted": True})

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

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS, stage=st.sampled_from(["submitting", "poll", "transfer", "completed"]))
    def bring_a_video_to(self, stage: str, who: int, kind: tuple[int, str]) -> None:
        """By a worker without mishaps: so that histories get far."""
        self.open_the_house()
        self._bring_to(stage, who, kind)

    def _bring_to(self, stage: str, who: int, kind: tuple[int, str]) -> Task | None:
        """A new one, if it may be, else another; None if none got there."""
        self.grant(who, PRICES[kind], None)
        self._generate(who, kind, None)
        task = self.live[-1] if self.live else None
        while task is not None and task.job is not None and task.job.stage != stage:
            self._work_on(task)
        return task if task is not None and task.job is not None else None

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
        self._requeue_submit(*self._attempt(which, attempt), outcome)

    def _requeue_submit(self, task: Task, attempt: int, outcome: str) -> None:
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
    def retire_the_model(self, which: int, lease: int) -> None:
        """The provider does not know it any more."""
        task, token = self._verdict(which, lease)
        answer = self.database.verb("fail_video(%s, %s, 'model_retired', '{}')", task.id, token)
        assert answer == task.fail(token, "model_retired", self.now)
        if answer == "applied":
            self.house.is_paused = True

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS, outcome=st.sampled_from(["refused", "unknown"]))
    def lose_a_submit(self, who: int, kind: tuple[int, str], outcome: str) -> None:
        """The create call of a new video brings no operation."""
        self.open_the_house()
        if task := self._bring_to("submitting", who, kind):
            self._requeue_submit(task, max(task.calls), outcome)

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS, is_tried_again=st.booleans())
    def lose_a_clip(self, who: int, kind: tuple[int, str], is_tried_again: bool) -> None:
        """Every attempt at its download fails."""
        self.open_the_house()
        task = self._bring_to("transfer", who, kind)
        if task is None:
            return
        while task.job is not None:
            self._hold(task)
            self._pass()
            lease = task.leases[-1]
            self._begin_transfer(task, lease)
            answer = self.database.verb("fail_video(%s, %s, 'download_failed', '{}')", task.id, lease)
            assert answer == task.fail(lease, "download_failed", self.now)
        if is_tried_again:
            self._retry(task)

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS, dollars=st.integers(0, 15))
    def cap_spending(self, who: int, kind: tuple[int, str], dollars: int) -> None:
        """For those who wait already, and for those who come."""
        self._set_cap(dollars)
        self._bring_to("submitting", who, kind)
        self._generate(who, kind, None)

    @precondition(lambda self: self.people)
    @rule(who=ANY, kind=KINDS, batch=st.integers(1, 3), is_repeated=st.booleans())
    def roll_back(self, who: int, kind: tuple[int, str], batch: int, is_repeated: bool) -> None:
        """One batch, or all of them, while one video is with the provider and another one waits."""
        self._bring_to("poll", who, kind)
        self._generate(who + 1, kind, None)
        self._roll_back(batch)
        while is_repeated and self.live:
            self._roll_back(batch)

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

    def _rather_a_live_one(self, which: int) -> Task:
        return self.live[which % len(self.live)] if self.live and which % 4 else self._task(which)

    def _caller(self, task: Task, by_somebody_else: bool) -> str:
        """The owner of a task, or else anybody there is."""
        owner = task.account.user_id
        others = [str(person.user_id) for person in self.people if person.user_id != owner]
        return others[0] if others and (by_somebody_else or owner is None) else str(owner)

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
        task = self._rather_a_live_one(which)
        return task, attempt or max(task.calls, default=1)

    def _hold(self, task: Task) -> None:
        """Has a worker claim what is to be judged, as soon as it is due."""
        if task.job is not None and task.job.lease is None:
            self.now = max(self.now, task.job.due)
            self.claim()

    def _begin_submit(self, task: Task, lease: str) -> None:
        answer = self.database.verb("begin_submit(%s, %s)", task.id, lease)
        assert answer == task.begin_submit(lease, self.now, self.house)

    def _record_operation(self, task: Task, attempt: int) -> None:
        operation = f"operations/{task.id}/{attempt}"
        answer = self.database.verb("record_operation(%s, %s, %s)", task.id, attempt, operation)
        assert answer == task.record_operation(attempt, operation, self.now)

    def _record_poll(self, task: Task, lease: str, outcome: str) -> None:
        detail = CLIP if outcome == "succeeded" else "{}"
        answer = self.database.verb("record_poll(%s, %s, %s, %s)", task.id, lease, outcome, detail)
        assert answer == task.record_poll(lease, outcome, self.now)

    def _transfer(self, task: Task, lease: str) -> None:
        answer = self._begin_transfer(task, lease)
        if answer in {"applied", "already_applied"}:
            self.database.store_file(task.id)
        answer = self.database.verb("complete_video(%s, %s, %s)", task.id, lease, VIDEO)
        assert answer == task.complete(lease)

    def _begin_transfer(self, task: Task, lease: str) -> Any:
        answer = self.database.verb("begin_transfer(%s, %s)", task.id, lease)
        assert answer == task.begin_transfer(lease, self.now)
        return answer
