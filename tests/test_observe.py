from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.errors import ProviderAuthError, ProviderUnavailable
from reconciler.model import Binding, Job, JobSpec, JobStatus, Observation, Record, State
from reconciler.observe import FAILURES_UNTIL_GONE, LIST_FROM, Question, observe, questions
from reconciler.providers.base import CreateRequest
from tests.fakes import Clock, FakeProvider, make_record, make_spec


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider(clock=Clock())


def run(provider: FakeProvider, spec: JobSpec) -> Job:
    return provider.create(CreateRequest(spec=spec, base_model="m", training="file-1"))


def bound(spec: JobSpec, job: Job) -> Record:
    return make_record(spec, binding=Binding.BOUND, job=job)


def state(*records: Record) -> State:
    return State(lineage="l", records={record.token: record for record in records})


def look(provider: FakeProvider, specs: list[JobSpec], known: State) -> dict[str, Observation]:
    provider.calls.clear()
    return observe(questions(specs, known, "default"), known, lambda _: provider)


class TestQuestions:
    spec = make_spec()
    job = Job(id="j", status=JobStatus.RUNNING, provider_status="running", created_at=1)
    done = replace(job, status=JobStatus.SUCCEEDED)

    def ask(self, *records: Record, refresh: bool = False) -> list[Question]:
        return questions([self.spec], state(*records), "default", refresh=refresh)

    def test_a_new_spec_is_looked_for_by_token(self) -> None:
        assert self.ask() == [Question(token=self.spec.token, provider="openai")]

    def test_a_running_job_by_its_id(self) -> None:
        (question,) = self.ask(bound(self.spec, self.job))
        assert question.job_id == "j"

    def test_an_unanswered_create_by_token(self) -> None:
        (question,) = self.ask(make_record(self.spec))
        assert question.job_id is None

    def test_a_job_that_is_over_costs_no_call(self) -> None:
        assert self.ask(bound(self.spec, self.done)) == []

    def test_unless_asked_for(self) -> None:
        assert len(self.ask(bound(self.spec, self.done), refresh=True)) == 1

    def test_an_earlier_version_that_still_runs(self) -> None:
        earlier = make_spec(seed=7)
        tokens = {question.token for question in self.ask(bound(earlier, self.job))}
        assert tokens == {self.spec.token, earlier.token}

    def test_not_one_of_another_namespace(self) -> None:
        elsewhere = make_spec(namespace="research")
        tokens = {question.token for question in self.ask(bound(elsewhere, self.job))}
        assert tokens == {self.spec.token}


class TestLooking:
    def test_finds_by_token(self, provider: FakeProvider) -> None:
        spec = make_spec()
        job = run(provider, spec)
        assert look(provider, [spec], state())[spec.token] == Observation(jobs=(job,))

    def test_a_missing_job_is_seen_as_missing(self, provider: FakeProvider) -> None:
        spec = make_spec()
        known = state(bound(spec, replace(run(provider, spec), id="gone")))
        assert look(provider, [spec], known)[spec.token] == Observation()

    @pytest.mark.parametrize("error", [ProviderUnavailable, ProviderAuthError])
    def test_no_answer_is_never_nothing_there(
        self, provider: FakeProvider, error: type[ProviderUnavailable]
    ) -> None:
        def refuse(_: str) -> None:
            raise error("no answer", hint="check it")

        provider.before = refuse
        spec = make_spec()
        assert look(provider, [spec], state())[spec.token].error == "no answer (check it)"

    def test_gives_up_on_a_provider_that_is_gone(self, provider: FakeProvider) -> None:
        def refuse(_: str) -> None:
            raise ProviderUnavailable("down")

        provider.before = refuse
        specs = [make_spec(f"s{i}") for i in range(LIST_FROM - 1)]
        seen = look(provider, specs, state())
        assert {observation.error for observation in seen.values()} == {"down"}
        assert len(provider.calls) < FAILURES_UNTIL_GONE + 8


class TestTheCheaperWay:
    def test_few_are_asked_one_by_one(self, provider: FakeProvider) -> None:
        specs = [make_spec(f"s{i}") for i in range(LIST_FROM - 1)]
        look(provider, specs, state())
        assert set(provider.calls) == {"find"}

    def test_many_new_specs_are_answered_by_one_whole_list(self, provider: FakeProvider) -> None:
        specs = [make_spec(f"s{i}") for i in range(LIST_FROM)]
        job = run(provider, specs[3])
        seen = look(provider, specs, state())
        assert provider.calls == ["list"]
        assert seen.pop(specs[3].token) == Observation(jobs=(job,))
        assert set(seen.values()) == {Observation()}

    def test_many_running_jobs_need_only_the_pages_up_to_the_oldest(
        self, provider: FakeProvider
    ) -> None:
        old = run(provider, make_spec("old"))
        provider.clock.sleep(100_000)
        specs = [make_spec(f"s{i}") for i in range(LIST_FROM)]
        known = state(*(bound(spec, run(provider, spec)) for spec in specs))
        provider.jobs[old.id] = replace(old, stamp=None)
        seen = look(provider, specs, known)
        assert provider.calls == ["list"]
        assert len(seen) == LIST_FROM
        assert all(len(observation.jobs) == 1 for observation in seen.values())

    def test_what_a_short_list_did_not_show_is_asked_by_id(self, provider: FakeProvider) -> None:
        specs = [make_spec(f"s{i}") for i in range(LIST_FROM)]
        known = state(*(bound(spec, run(provider, spec)) for spec in specs))
        provider.lag = 1e9
        seen = look(provider, specs, known)
        assert provider.calls.count("get") == LIST_FROM
        assert all(len(observation.jobs) == 1 for observation in seen.values())

    def test_a_broken_list_settles_nothing(self, provider: FakeProvider) -> None:
        def refuse(_: str) -> None:
            raise ProviderUnavailable("down")

        specs = [make_spec(f"s{i}") for i in range(LIST_FROM)]
        provider.before = refuse
        assert all(seen.error for seen in look(provider, specs, state()).values())

    def test_not_where_the_list_shows_no_stamp(self, provider: FakeProvider) -> None:
        provider.lists_stamps = False
        look(provider, [make_spec(f"s{i}") for i in range(LIST_FROM)], state())
        assert set(provider.calls) == {"find"}

    def test_a_list_that_shows_no_stamp_at_all_proves_nothing(self, provider: FakeProvider) -> None:
        job = run(provider, make_spec("foreign"))
        provider.jobs[job.id] = replace(job, stamp=None)
        look(provider, [make_spec(f"s{i}") for i in range(LIST_FROM)], state())
        assert provider.calls.count("find") == LIST_FROM
