"""Every provider deletes a model of ours once and no other, and stores the same bytes once."""

from __future__ import annotations

import pytest

from reconciler.errors import ProviderError, ProviderUnavailable
from reconciler.model import FileRef
from tests.contract.provider_bench import Bench, end


class TestModels:
    def test_a_model_is_deleted_once_and_its_job_stays(self, bench: Bench) -> None:
        ended = end(bench, bench.create())
        assert ended.fine_tuned_model
        assert bench.provider.delete_model(ended.fine_tuned_model) is True
        assert bench.provider.delete_model(ended.fine_tuned_model) is False
        assert bench.connect().delete_model(ended.fine_tuned_model) is False
        assert bench.provider.get(ended.id) == ended

    def test_the_models_of_other_jobs_stay(self, bench: Bench) -> None:
        models = []
        for name in ("support-bot", "intent-router"):
            ended = end(bench, bench.create(bench.spec(name)))
            assert ended.fine_tuned_model
            models.append(ended.fine_tuned_model)
        assert bench.provider.delete_model(models[0]) is True
        assert bench.provider.delete_model(models[1]) is True

    def test_what_is_no_fine_tuned_model_of_ours_is_never_deleted(self, bench: Bench) -> None:
        for model in bench.protected:
            with pytest.raises(ProviderError) as caught:
                bench.provider.delete_model(model)
            assert not isinstance(caught.value, ProviderUnavailable), model


class TestUpload:
    def test_the_same_bytes_are_stored_once(self, bench: Bench) -> None:
        first = bench.provider.upload(bench.file())
        assert bench.provider.upload(bench.file()) == first
        assert bench.provider.upload(bench.file(), first) == first
        later = bench.connect()
        assert later.upload(bench.file()).reference == first.reference
        assert bench.connect().upload(bench.file(), first) == first

    def test_other_bytes_are_another_file(self, bench: Bench) -> None:
        first, second = bench.file("hello"), bench.file("goodbye")
        refs = [bench.provider.upload(file) for file in (first, second)]
        assert refs[0].reference != refs[1].reference
        assert [ref.sha256 for ref in refs] == [first.sha256, second.sha256]
        assert [ref.size for ref in refs] == [first.size, second.size]

    def test_a_file_that_state_remembers_and_nobody_has_is_sent_again(self, bench: Bench) -> None:
        file = bench.file()
        lost = FileRef(reference="file-none", sha256=file.sha256, size=file.size, uploaded_at=1)
        assert bench.provider.upload(file, lost).reference != "file-none"
