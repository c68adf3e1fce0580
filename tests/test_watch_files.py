"""Which files wake a watch, who notices them, and the bell they ring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.config import Config
from reconciler.engine import PassResult
from reconciler.errors import Problem
from reconciler.model import Dataset, Plan, State
from reconciler.watch import Doorbell, Ring, Wake
from reconciler.watch.files import _MODIFIED, Files, Interest, interest
from tests.fakes import make_spec
from tests.repository import Repository, repository

STOP, ASKED = Ring(wake=Wake.STOP), Ring(wake=Wake.ASKED)


def saved(*files: str, config: bool = False) -> Ring:
    return Ring(wake=Wake.FILES, files=files, config=config)


class TestDoorbell:
    def test_nobody_rings(self) -> None:
        assert Doorbell().wait(0) is None

    def test_who_rang_before_the_wait_is_heard(self) -> None:
        bell = Doorbell()
        bell.ring(ASKED)
        assert bell.wait(-1) == ASKED
        assert bell.wait(0) is None

    @pytest.mark.parametrize(
        ("rings", "heard"),
        [
            pytest.param([saved("b"), saved("a")], saved("a", "b"), id="files come together"),
            pytest.param(
                [saved("a"), ASKED], replace(ASKED, files=("a",)), id="a wish beats files"
            ),
            pytest.param([STOP, ASKED], STOP, id="a stop beats everything"),
            pytest.param([saved(config=True), saved()], saved(config=True), id="it stays known"),
        ],
    )
    def test_many_rings_are_one(self, rings: list[Ring], heard: Ring) -> None:
        bell = Doorbell()
        for ring in rings:
            bell.ring(ring)
        assert bell.wait(0) == heard

    def test_rings_that_nobody_hears_do_not_pile_up(self) -> None:
        bell = Doorbell()
        for number in range(10_000):
            bell.ring(saved(f"{number:05}"))
        bell.ring(STOP)
        assert bell._rings.qsize() <= 101
        heard = bell.wait(0)
        assert heard is not None
        assert heard.wake is Wake.STOP
        assert len(heard.files) == 20


@pytest.fixture
def house(tmp_path: Path) -> Repository:
    return repository(Path(os.path.realpath(tmp_path)))


def result(*problems: Problem, data: str = "data/train.jsonl") -> PassResult:
    return PassResult(
        plan=Plan(steps=(), lineage="", serial=0),
        outcomes=(),
        specs=(make_spec(training=Dataset(path=data, sha256="ab" * 32)),),
        state=State(lineage=""),
        problems=problems,
    )


def listening(house: Repository, *problems: Problem, data: str = "data/train.jsonl") -> Interest:
    found = result(*problems, data=data)
    return interest(Config(root=house.root), None, (), found)


class TestInterest:
    @pytest.mark.parametrize(
        "path",
        [
            "specs/support-bot.yaml",
            "specs/team/new.yml",
            "specs/deep/er/still.yaml",
            "reconciler.yaml",
            "data/train.jsonl",
        ],
    )
    def test_what_decides_a_pass_wakes(self, house: Repository, path: str) -> None:
        assert listening(house).wants(house.root / path)

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("specs/support-bot.status.yaml", id="our own sidecar"),
            pytest.param("specs/support-bot.status.yml", id="a sidecar"),
            pytest.param("specs/.support-bot.status.yaml.tmp-1", id="a sidecar being written"),
            pytest.param(".reconciler/state.json", id="the state"),
            pytest.param(".reconciler/sandbox/status/a.yaml", id="the sandbox"),
            pytest.param("specs/.support-bot.yaml.swp", id="vim's swap file"),
            pytest.param("specs/4913", id="vim's probe"),
            pytest.param("specs/support-bot.yaml~", id="a backup"),
            pytest.param("specs/.#support-bot.yaml", id="emacs' lock"),
            pytest.param("specs/#support-bot.yaml#", id="emacs' autosave"),
            pytest.param("specs/#support-bot.yaml", id="another autosave"),
            pytest.param("specs/sedA1b2C3", id="sed -i"),
            pytest.param("specs/support-bot.yaml___jb_tmp___", id="JetBrains"),
            pytest.param("specs/.goutputstream-ABC", id="gedit"),
            pytest.param("specs/.git/config.yaml", id="a hidden folder"),
            pytest.param("specs/notes.md", id="notes"),
            pytest.param("specs/other.jsonl", id="data that no spec names"),
            pytest.param("elsewhere/a.yaml", id="YAML that is no spec"),
            pytest.param("data", id="the folder of the data"),
        ],
    )
    def test_what_does_not_decide_one_lets_it_sleep(self, house: Repository, path: str) -> None:
        assert not listening(house).wants(house.root / path)

    def test_data_may_be_anywhere_even_hidden(self, house: Repository) -> None:
        assert listening(house, data=".data/x.jsonl").wants(house.root / ".data/x.jsonl")

    def test_while_something_is_broken_any_data_may_be_what_was_missing(
        self, house: Repository
    ) -> None:
        broken = Problem("specs/a.yaml", 3, 1, "there is no ./other.jsonl")
        assert listening(house, broken).wants(house.root / "specs/other.jsonl")

    def test_a_broken_data_file_is_known_by_its_problem(self, house: Repository) -> None:
        broken = Problem("data/bad.txt", 3, 1, "not JSON")
        assert listening(house, broken).wants(house.root / "data/bad.txt")

    def test_a_folder_that_comes_may_hold_specs(self, house: Repository) -> None:
        (house.root / "specs/team").mkdir()
        assert listening(house).wants(house.root / "specs/team")

    def test_a_folder_in_which_something_was_written_says_nothing(self, house: Repository) -> None:
        assert not listening(house).wants(house.root / "specs", stays=True)

    def test_a_folder_that_goes_takes_its_specs_along(self, house: Repository) -> None:
        found = replace(listening(house), specs=frozenset({house.root / "specs/team/a.yaml"}))
        assert found.wants(house.root / "specs/team")
        assert not found.wants(house.root / "specs/team2")

    def test_after_a_failed_pass_it_listens_as_before(self, house: Repository) -> None:
        config = Config(root=house.root)
        before = listening(house)
        after = interest(config, None, (), None, before)
        assert (after.specs, after.data) == (before.specs, before.data)
        assert after.mending

    def test_a_configuration_elsewhere_and_paths_of_the_command_line(
        self, house: Repository
    ) -> None:
        file = house.root / "ci/reconciler.yaml"
        spec = house.add("a")
        found = interest(Config(root=house.root, specs=("x",)), file, [spec], None)
        assert found.wants(file)
        assert found.wants(spec)

    def test_folders_with_all_below_and_folders_by_themselves(self, house: Repository) -> None:
        (house.root / "data").mkdir()
        deep, flat = listening(house).places
        assert deep == {house.root / "specs"}
        assert flat == {house.root, house.root / "data"}

    def test_a_folder_that_is_not_there_yet_is_awaited_from_above(self, house: Repository) -> None:
        (house.root / "specs").rmdir()
        assert listening(house).places == (frozenset(), frozenset({house.root}))


@pytest.fixture(params=[False, True], ids=["notices", "polling"])
def ears(request: pytest.FixtureRequest) -> Iterator[tuple[Files, Doorbell]]:
    bell = Doorbell()
    files = Files(bell.ring, polling=request.param)
    yield files, bell
    files.close()


def heard(bell: Doorbell, touch: Path) -> Ring:
    """What rings after a file was written; written again until the threads have begun."""
    for number in range(100):
        touch.parent.mkdir(exist_ok=True)
        touch.write_text(f"{number}\n")
        if ring := bell.wait(0.5):
            return ring
    pytest.fail("nobody rang")


class TestFiles:
    def test_a_saved_spec_rings(self, house: Repository, ears: tuple[Files, Doorbell]) -> None:
        files, bell = ears
        files.follow(listening(house))
        path = house.root / "specs/a.yaml"
        assert heard(bell, path) == saved(str(path))
        assert files.failure == ""

    def test_the_configuration_says_so(
        self, house: Repository, ears: tuple[Files, Doorbell]
    ) -> None:
        files, bell = ears
        files.follow(listening(house))
        assert heard(bell, house.root / "reconciler.yaml").config

    def test_our_own_writes_do_not_ring(
        self, house: Repository, ears: tuple[Files, Doorbell]
    ) -> None:
        files, bell = ears
        files.follow(listening(house))
        heard(bell, house.root / "specs/a.yaml")
        while bell.wait(0.7):
            pass
        (house.root / "specs/a.status.yaml").write_text("status: {}\n")
        (house.root / "specs/.a.yaml.swp").write_text("x")
        assert bell.wait(1.0) is None

    def test_a_folder_made_anew_is_heard_again(
        self, house: Repository, ears: tuple[Files, Doorbell]
    ) -> None:
        files, bell = ears
        files.follow(listening(house))
        spec = house.root / "specs/a.yaml"
        heard(bell, spec)
        spec.unlink()
        spec.parent.rmdir()
        files.follow(listening(house))
        heard(bell, spec)
        files.follow(listening(house))
        assert heard(bell, spec).files

    def test_following_the_same_again_starts_nothing(
        self, house: Repository, ears: tuple[Files, Doorbell]
    ) -> None:
        files, _ = ears
        files.follow(listening(house))
        before = files._threads
        files.follow(listening(house))
        assert files._threads is before

    def test_closing_ends_every_thread(
        self, house: Repository, ears: tuple[Files, Doorbell]
    ) -> None:
        files, _ = ears
        files.follow(listening(house))
        threads = files._threads
        files.close()
        assert not any(thread.is_alive() for thread in threads)


def test_a_modification_is_what_watchfiles_calls_so() -> None:
    import watchfiles

    assert watchfiles.Change.modified == _MODIFIED


def test_where_nothing_can_be_watched_the_reason_is_kept(
    house: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    def refuse(*_: object, **__: object) -> object:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    bell = Doorbell()
    files = Files(bell.ring)
    files.follow(listening(house))
    assert bell.wait(30)
    assert "inotify watch limit reached" in files.failure
    files.close()
