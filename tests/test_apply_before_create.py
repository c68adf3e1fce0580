"""What comes before a create is sent: its data goes up, and somebody looks a second time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.apply import FRESH_SECONDS
from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from reconciler.model import Action, Binding, Dataset, FileRef, Result
from reconciler.providers.base import CreateRequest
from tests.apply_house import SPEC, House, create_step
from tests.fakes import make_spec, raise_on


@pytest.fixture
def house() -> House:
    return House()


class TestLookingAgain:
    """Somebody else may have created the job since the pass looked."""

    @pytest.fixture
    def late(self, house: House) -> House:
        """A house whose pass has taken so long that another runner was faster."""
        house.provider.made(CreateRequest(spec=SPEC, base_model="m", training="file-1"))
        house.clock.sleep(FRESH_SECONDS)
        return house

    def test_what_has_appeared_is_adopted_and_not_paid_again(self, late: House) -> None:
        outcome = late.create()
        assert (outcome.result, outcome.step.action) == (Result.ADOPTED, Action.ADOPT)
        assert len(late.provider.creates) == 1
        assert (late.record.binding, late.record.job) == (
            Binding.BOUND,
            late.provider.jobs["ftjob-1"],
        )

    def test_of_several_the_oldest_and_the_rest_is_reported(self, late: House) -> None:
        late.provider.made(late.provider.creates[0])
        outcome = late.create()
        assert outcome.record is not None
        assert outcome.record.job == late.provider.jobs["ftjob-1"]
        assert [job.id for job in outcome.step.duplicates] == ["ftjob-2"]
        assert f"reconcile cancel {SPEC.token} --job ftjob-2" in outcome.hint
        assert "cancel" not in late.provider.calls

    def test_nothing_has_appeared(self, house: House) -> None:
        house.clock.sleep(FRESH_SECONDS)
        assert house.create().result is Result.CREATED
        assert house.provider.calls == ["upload", "find", "create"]

    def test_a_fresh_look_is_not_repeated(self, house: House) -> None:
        house.create()
        assert house.provider.calls == ["upload", "create"]

    def test_nor_is_one_where_a_name_makes_a_second_job_impossible(self, house: House) -> None:
        house.provider.grace = 0
        house.clock.sleep(FRESH_SECONDS)
        house.create()
        assert house.provider.calls == ["upload", "create"]

    def test_nor_is_one_that_stamps_not_shown_yet_would_make_unclear(self, house: House) -> None:
        house.provider.lists_stamps = False
        house.clock.sleep(FRESH_SECONDS)
        house.create()
        assert house.provider.calls == ["upload", "create"]

    def test_without_an_answer_nothing_is_created(self, house: House) -> None:
        house.clock.sleep(FRESH_SECONDS)
        house.provider.before = raise_on("find", ProviderUnavailable("down"))
        outcome = house.create()
        assert (outcome.result, outcome.message) == (Result.FAILED, "down")
        assert house.store.state.records == {}
        assert house.provider.creates == []


class TestUploads:
    def test_bytes_go_up_once_for_all_specs(self, house: House) -> None:
        specs = [make_spec(f"s{i}") for i in range(12)]
        outcomes = house.carry_out(*(create_step(spec) for spec in specs))
        assert [outcome.result for outcome in outcomes] == [Result.CREATED] * 12
        assert len(house.provider.uploads) == 1
        assert len(house.provider.creates) == 12

    def test_are_remembered(self, house: House) -> None:
        house.create()
        (ref,) = house.store.state.files["fake"].values()
        assert ref.reference == house.provider.creates[0].training

    def test_a_reference_is_passed_on_as_it_is(self, house: House) -> None:
        house.create(make_spec(training=Dataset(reference="file-abc")))
        assert house.provider.uploads == []
        assert house.provider.creates[0].training == "file-abc"

    def test_pinned_data_without_bytes_uses_the_copy_up_there(self, house: House) -> None:
        sha256 = "cd" * 32
        ref = FileRef(reference="file-up", sha256=sha256, size=1, uploaded_at=1)
        house.store.state = replace(house.store.state, files={"fake": {sha256: ref}})
        spec = make_spec(training=Dataset(path="data/t.jsonl", sha256=sha256))
        assert house.create(spec).result is Result.CREATED
        assert house.provider.creates[0].training == "file-up"

    @pytest.mark.parametrize("error", [ProviderUnavailable("down"), ProviderAuthError("no")])
    def test_an_outage_creates_nothing_and_records_nothing(
        self, house: House, error: ProviderError
    ) -> None:
        house.provider.before = raise_on("upload", error)
        outcome = house.create()
        assert (outcome.result, outcome.message) == (Result.FAILED, error.message)
        assert house.store.state.records == {}
