"""Whose tokens: OpenAI's vocabularies without a network, anybody's from a file."""

from __future__ import annotations

import hashlib
import importlib
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from reconciler.datasets import tokenizers
from reconciler.datasets.tokenizers import OFFLINE, identity, load
from reconciler.errors import ConfigError

VARIED = (
    "",
    "Hello world",
    "Das ist ein Prüfsatz. 你好世界 こんにちは مرحبا Привет 안녕 שלום नमस्ते สวัสดี",
    "🙂👩‍👩‍👧‍👦🏳️‍🌈 e\u0301 \u200b\u00a0",
    "def f(x: int) -> str:\n\treturn f'{x:>10}'  # 1234567 3.14e-10\r\n",
    "don't I'LL WE'RE <|endoftext|>",
    " " * 5_000,
    "\n \t" * 3_000,
    "a" * 20_000,
)

TINY: dict[str, Any] = {
    "version": "1.0",
    "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hello": 1}, "unk_token": "[UNK]"},
}


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(TINY))
    return path


def without(*packages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where these are not installed."""

    def import_(name: str, package: str | None = None) -> ModuleType:
        if (top := name.partition(".")[0]) in packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=top)
        return importlib.import_module(name, package)

    monkeypatch.setattr(tokenizers, "import_module", import_)


@pytest.mark.parametrize(
    ("name", "tokens"), [("o200k_base", [6, 7, 8]), ("cl100k_base", [6, 7, 9])]
)
def test_a_vocabulary_is_the_published_one(name: str, tokens: list[int]) -> None:
    tokenizer = load(name)
    assert tokenizer.name == name
    printed_in_the_cookbook = ("antidisestablishmentarianism", "2 + 2 = 4", "お誕生日おめでとう")
    assert [tokenizer.count(text) for text in printed_in_the_cookbook] == tokens


@pytest.mark.parametrize("name", OFFLINE)
def test_either_package_counts_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bpe_openai")
    first = load(name)
    without("rs_bpe", monkeypatch=monkeypatch)
    second = load(name)
    draw = random.Random(1)
    signs = [chr(code) for code in range(0x3000)] + list(" \t\n\rabcdefS1é<|>'" * 40)
    texts = [*VARIED, *("".join(draw.choices(signs, k=40)) for _ in range(2_000))]
    assert [first.count(text) for text in texts] == [second.count(text) for text in texts]


def test_without_either_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without("rs_bpe", "bpe_openai", monkeypatch=monkeypatch)
    with pytest.raises(ConfigError, match=r"count OpenAI's tokens \(pip install rs-bpe, or bpe-"):
        load("o200k_base")


def test_text_that_looks_like_a_special_token_is_text() -> None:
    assert load("o200k_base").count("<|endoftext|>") > 1


@pytest.mark.parametrize("name", ["gpt2", "o200k", ""])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    message = r"no tokenizer '.*' \(o200k_base, cl100k_base, or the path of a tokenizer\.json\)"
    with pytest.raises(ConfigError, match=message):
        load(name)
    with pytest.raises(ConfigError, match=message):
        identity(name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no tokenizer file .*missing\.json"):
        load(str(tmp_path / "missing.json"))


def test_a_file_counts_every_token_without_adding_any(tiny: Path) -> None:
    pytest.importorskip("tokenizers")
    tokenizer = load(str(tiny))
    assert tokenizer.name == str(tiny)
    assert tokenizer.count("hello big wide hello") == 4  # the file itself would stop at 2


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    path = tmp_path / "package.json"
    path.write_text("{}")
    with pytest.raises(ConfigError, match=r"package\.json is not a tokenizer: .*beside the model"):
        load(str(path))


def test_a_file_needs_a_package_and_says_which(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without("tokenizers", monkeypatch=monkeypatch)
    with pytest.raises(ConfigError, match=r"needs the package tokenizers \(pip install tokenizers"):
        load(str(tiny))


def test_a_file_is_known_by_its_content(tiny: Path) -> None:
    expected = f"sha256:{hashlib.sha256(tiny.read_bytes()).hexdigest()}"
    assert identity(str(tiny)) == expected
    assert [identity(name) for name in OFFLINE] == list(OFFLINE)
