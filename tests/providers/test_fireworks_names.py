"""Names at Fireworks: short and full ones mean the same, and what can be no id is known."""

from __future__ import annotations

import pytest

from reconciler.providers.fireworks import names
from reconciler.providers.fireworks.names import JobName, Kind


class TestNames:
    def test_a_prefix_is_added_once(self) -> None:
        full = "accounts/fireworks/models/qwen3-8b"
        assert names.base_model("qwen3-8b") == full == names.base_model(full)
        own = "accounts/acme/datasets/d"
        assert names.dataset("d", "acme") == own == names.dataset(own, "acme")
        assert names.dataset("accounts/other/datasets/d", "acme") == "accounts/other/datasets/d"
        assert names.owned_model("m", "acme") == "accounts/acme/models/m"

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("accounts/acme/dpoJobs/t", [(Kind.DPO, "t")]),
            ("dpoJobs/t", [(Kind.DPO, "t")]),
            ("supervisedFineTuningJobs/t", [(Kind.SUPERVISED, "t")]),
            ("t", [(Kind.SUPERVISED, "t"), (Kind.DPO, "t")]),
            ("accounts/other/dpoJobs/t", []),
            ("accounts/acme/models/t", []),
            ("reinforcementFineTuningJobs/t", []),
            ("", []),
            ("..", []),
            ("dpoJobs/..", []),
            ("accounts/acme/dpoJobs/..", []),
            ("ftjob-none?c=1", []),
            ("a b", []),
            ("t:cancel", []),
            ("/t", []),
        ],
    )
    def test_what_an_id_may_mean(self, written: str, meant: list[tuple[Kind, str]]) -> None:
        found = names.candidates(written, "acme")
        assert [(name.kind, name.id) for name in found] == meant
        assert all(JobName.parsed(str(name)) == name for name in found)

    @pytest.mark.parametrize("text", ["a", "a1", "a-1", "a--b", "a" * 63])
    def test_ids(self, text: str) -> None:
        assert names.is_id(text)

    @pytest.mark.parametrize("text", ["", "1a", "-a", "a-", "A", "a_b", "a.b", "a" * 64, "a\n"])
    def test_what_is_no_id(self, text: str) -> None:
        assert not names.is_id(text)
