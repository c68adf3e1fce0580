"""Waiting for a reviewed plan creates nothing that was not in it, however long it takes."""

from __future__ import annotations

from tests.e2e.command import Command, creates
from tests.e2e.test_chain_run import chain


def test_what_follows_a_reviewed_create_waits_for_a_review_of_its_own(reconcile: Command) -> None:
    reconcile.environment = {"RECONCILER_SANDBOX": "1", "RECONCILER_SANDBOX_SPEED": "50"}
    chain(reconcile.files)
    reconcile("plan", "--out", "plan.json")
    reconcile("apply", "--plan", "plan.json", "--wait")
    account = reconcile.files.root / ".reconciler/sandbox/providers"
    assert len(creates(account)) == 1
    assert reconcile.files.sidecar("sft")["phase"] == "Succeeded"
    (step,) = (s for s in reconcile.json("plan")["steps"] if s["name"] == "dpo")
    assert step["action"] == "create"
    reconcile("apply", "--wait")
    assert len(creates(account)) == 2


def test_a_refresh_of_a_reviewed_plan_creates_nothing(reconcile: Command) -> None:
    reconcile.environment = {"RECONCILER_SANDBOX": "1"}
    reconcile.files.add("one")
    reconcile("plan", "--out", "plan.json")
    reconcile("apply", "--plan", "plan.json", "--refresh-only", check=5)
    assert creates(reconcile.files.root / ".reconciler/sandbox/providers") == []


def test_models_are_not_deleted_by_a_plan_that_does_not_show_it(reconcile: Command) -> None:
    told = reconcile("apply", "--plan", "plan.json", "--prune", "--delete-models", check=2)
    assert "--delete-models deletes what no plan shows" in told.stderr
