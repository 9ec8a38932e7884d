"""What administrators and the payment provider do."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.history import ANY, KEYS, History
from tests.model.orders import PACKAGES, Order, Package
from tests.model.tasks import Task

if TYPE_CHECKING:
    from tests.model.ledger import Account

AMOUNTS = st.integers(1, 500)


class Office(History):
    # Credits

    @precondition(lambda self: self.people)
    @rule(who=ANY, amount=AMOUNTS, key=st.none() | KEYS)
    def grant(self, who: int, amount: int, key: str | None) -> None:
        account = self._person(who)
        answer = self._admin("admin_grant_credits(%s, %s, 'model', %s)", account.user_id, amount, key)
        assert answer == self._change(account, "admin_grant", amount, key)

    @precondition(lambda self: self.people)
    @rule(who=ANY, amount=AMOUNTS, everything=st.booleans(), key=st.none() | KEYS)
    def deduct(self, who: int, amount: int, everything: bool, key: str | None) -> None:
        account = self._person(who)
        amount = account.balance if everything and account.balance else amount
        answer = self._admin("admin_deduct_credits(%s, %s, 'model', %s)", account.user_id, amount, key)
        assert answer == self._change(account, "admin_deduct", -amount, key)

    def _change(self, account: Account, kind: str, amount: int, key: str | None) -> Any:
        """What is answered; with a key it happens once."""
        first = account.keys.get((kind, key))
        if first is not None and first != amount:
            return "idempotency_conflict"
        if first is None:
            if account.balance + amount < 0:
                return "insufficient_credits"
            account.post(kind, amount)
            if key is not None:
                account.keys[kind, key] = amount
        return {"balance": account.balance}

    @precondition(lambda self: self.former)
    @rule(who=ANY, verb=st.sampled_from(["grant", "deduct"]))
    def change_credits_of_a_deleted_user(self, who: int, verb: str) -> None:
        user = self.former[who % len(self.former)]
        assert self._admin(f"admin_{verb}_credits(%s, 1, 'model')", user) == "user_not_found"

    # Videos

    @precondition(lambda self: self.tasks)
    @rule(which=ANY, amount=st.none() | st.integers(0, 130), key=st.none() | KEYS)
    def refund(self, which: int, amount: int | None, key: str | None) -> None:
        self._refund(self._task(which), amount, key)

    @precondition(lambda self: any(task.status == "completed" for task in self.tasks))
    @rule(which=ANY, amount=st.none() | st.integers(1, 40), key=st.none() | KEYS)
    def refund_a_finished_one(self, which: int, amount: int | None, key: str | None) -> None:
        """And once more, as somebody whose answer was lost."""
        finished = [task for task in self.tasks if task.status == "completed"]
        for _ in range(2):
            self._refund(finished[which % len(finished)], amount, key)

    def _refund(self, task: Task, amount: int | None, key: str | None) -> None:
        self._pass()
        answer = self._admin("admin_refund_video(%s, 'model', %s, %s)", task.id, amount, key)
        result = task.give_back(amount, key)
        if result not in {"applied", "already_applied"}:
            assert answer == result
            return
        assert answer == {
            "result": result,
            "task_id": task.id,
            "status": task.status,
            "refunded_credits": task.refunded,
            "balance": task.account.balance,
        }

    @precondition(lambda self: self.tasks)
    @rule(which=ANY)
    def retry_a_download(self, which: int) -> None:
        """Of a lost clip, if there is one."""
        lost = [task for task in self.tasks if task.error == "download_failed"] or self.tasks
        self._retry(lost[which % len(lost)])

    def _retry(self, task: Task) -> None:
        self._pass()
        answer = self._admin("admin_retry_download(%s)", task.id)
        retry = task.retry(self.tasks, self.now)
        if not isinstance(retry, Task):
            assert answer == retry
            return
        result = "already_applied" if retry in self.tasks else "applied"
        if result == "applied":
            retry.id = answer["task_id"]
            self.tasks.append(retry)
        first = task.retry_of or task
        assert answer == {
            "result": result,
            "task_id": retry.id,
            "retry_of": first.id,
            "status": retry.status,
        }

    # The house

    def _roll_back(self, batch: int) -> None:
        before = self.live
        answer = self._admin("admin_rollback('model', %s)", batch)
        done = min(batch, len(before))
        assert answer == {"done": done, "remaining": len(before) - done}
        left = self.database.live_tasks()
        ended = [task for task in before if task.id not in left]
        assert sorted(map(_turn, ended)) == sorted(map(_turn, before))[:done]
        for task in sorted(ended, key=lambda task: (task.account.id, task.id)):
            task.end("failed", "rolled_back")
        self.house.is_open = False

    @rule()
    def open_the_house(self) -> None:
        """An administrator puts right whatever keeps people from ordering."""
        self._pass()
        self.database.configure("video_generation_enabled", "true")
        self.database.resume_model()
        self.house.is_open, self.house.is_paused = True, False
        self._set_cap(None)

    def _set_cap(self, dollars: int | None) -> None:
        value = None if dollars is None else str(dollars)
        self.database.configure("video_daily_spend_cap_usd", value)
        self.house.cap = None if dollars is None else dollars * 100

    # Purchases

    @precondition(lambda self: self.people)
    @rule(who=ANY, package=st.sampled_from(PACKAGES), lacking=st.sampled_from([0, 0, 0, 1, None]))
    def buy(self, who: int, package: Package, lacking: int | None) -> None:
        """Of some we hear at once, perhaps of too little; of others later, or of their refund first."""
        buyer = self._person(who)
        order = Order(f"order-{uuid.uuid4()}", buyer, str(buyer.user_id), package)
        self.orders.append(order)
        if lacking is not None:
            self._tell(order, "paid", package.price - lacking, 0)

    @precondition(lambda self: self.people)
    @rule(who=ANY, package=st.sampled_from(PACKAGES))
    def buy_spend_and_take_the_money_back(self, who: int, package: Package) -> None:
        """What is spent becomes a debt."""
        self.buy(who, package, lacking=0)
        self.deduct(who, 1, everything=True, key=None)
        self._tell(self.orders[-1], "refunded", 0, package.with_tax)

    @precondition(lambda self: self.orders)
    @rule(which=ANY, lacking=st.integers(0, 1))
    def tell_of_a_payment(self, which: int, lacking: int) -> None:
        """New, once more or corrected."""
        waiting = [order for order in self.orders if not order.has_given] or self.orders
        order = waiting[which % len(waiting)]
        self._tell(order, "paid", order.package.price - lacking, 0)

    @precondition(lambda self: self.orders)
    @rule(which=ANY, percent=st.sampled_from([1, 30, 50, 99, 100, 100]), is_disputed=st.booleans())
    def tell_of_a_refund(self, which: int, percent: int, is_disputed: bool) -> None:
        """New, once more or late: an older one than the last."""
        order = self.orders[which % len(self.orders)]
        went_back = order.package.with_tax * percent // 100
        self._tell(order, "disputed" if is_disputed else "refunded", 0, went_back)

    def _tell(self, order: Order, kind: str, price: int, went_back: int) -> None:
        self._pass()
        package = order.package
        answer = self.database.rpc(
            None,
            "record_payment('shop', %s, 'model', %s, '{}', %s, user_id => %s, product_id => %s,"
            " mode => 'prod', amount => %s, currency => 'USD', paid_amount => %s, refunded_amount => %s)",
            f"event-{uuid.uuid4()}",
            kind,
            order.id,
            order.user,
            package.id,
            price,
            package.with_tax,
            went_back,
        )
        assert answer | {"payment_id": None} == {
            "payment_id": None,
            "result": order.hear(kind, price, went_back),
            "status": order.status,
            "problem": order.problem,
            "credits": 0 if order.price is None else package.credits,
            "refunded_credits": order.taken_back,
        }

    def _admin(self, call: str, *parameters: object) -> Any:
        return self.database.rpc(self.database.admin, call, *parameters)


def _turn(task: Task) -> tuple[bool, str]:
    """Place in a rollback."""
    assert task.job is not None
    return task.job.stage != "submit", task.account.id
