"""Whose tokens are counted: text in, a number out, and no network.

`tokens` asks for one by name. OpenAI's two vocabularies come with the program; for any other model
the user names the `tokenizer.json` that its publisher put beside it.

Two packages carry OpenAI's vocabularies in their wheels, both around GitHub's `bpe` crate. On
61,000 texts of 23 scripts, code, emoji and white space (18 MB) every single count agreed. rs-bpe
is there in 45 ms where bpe-openai needs 580 ms, so it is the first choice; it has had one release
(2025-03), with wheels up to Python 3.13, so bpe-openai, whose wheels serve every later Python,
stands in. tiktoken downloads its vocabulary, which a plan may not need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from reconciler.errors import ConfigError

OFFLINE = ("o200k_base", "cl100k_base")
"""The vocabularies that need no file: of GPT-4o and everything after it, and of GPT-4 and 3.5."""


class Tokenizer(Protocol):
    """Counts the tokens of a text. `name` is what the user calls it."""

    @property
    def name(self) -> str:
        """One of OFFLINE, or the path of a tokenizer.json."""

    def count(self, text: str) -> int:
        """How many tokens this text is. Raises UnicodeEncodeError for what UTF-8 cannot hold."""


def load(name_or_path: str) -> Tokenizer:
    """The tokenizer of one of OFFLINE, or of a `tokenizer.json`.

    Raises ConfigError where there is none, or where a package is missing that it needs.
    """
    if name_or_path in OFFLINE:
        return _Counter(name=name_or_path, count=_offline(name_or_path))
    return _Counter(name=name_or_path, count=_from_file(_file(name_or_path)))


def identity(name_or_path: str) -> str:
    """What its counts depend on, cheaper than loading it: the name, or the file's hash.

    Raises ConfigError where there is no such tokenizer.
    """
    if name_or_path in OFFLINE:
        return name_or_path
    return f"sha256:{hashlib.sha256(_read(_file(name_or_path))).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    name: str
    count: Callable[[str], int]


def _offline(name: str) -> Callable[[str], int]:
    for module, loader in _SOURCES:
        try:
            return loader(name)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] != module:
                raise
    raise ConfigError(
        "nothing here can count OpenAI's tokens",
        hint="pip install rs-bpe, or bpe-openai from Python 3.14 on",
    )


def _from_rs_bpe(name: str) -> Callable[[str], int]:
    count: Callable[[str], int] = getattr(import_module("rs_bpe.bpe").openai, name)().count
    return count


def _from_bpe_openai(name: str) -> Callable[[str], int]:
    bindings = import_module("bpe_openai._bindings")
    count: Callable[[str], int] = bindings.tokenizer_for_encoding(name).count
    return count


_SOURCES = (("rs_bpe", _from_rs_bpe), ("bpe_openai", _from_bpe_openai))


def _file(path: str) -> Path:
    if not path.endswith(".json") and not Path(path).is_file():
        raise ConfigError(
            f"there is no tokenizer {path!r}",
            hint=f"{', '.join(OFFLINE)}, or the path of a tokenizer.json",
        )
    return Path(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"there is no tokenizer file {path}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from error


def _from_file(path: Path) -> Callable[[str], int]:
    content = _read(path)
    try:
        package = import_module("tokenizers")
    except ModuleNotFoundError as error:
        if error.name != "tokenizers":
            raise
        raise ConfigError(
            f"counting with {path} needs the package tokenizers", hint="pip install tokenizers"
        ) from error
    try:
        tokenizer = package.Tokenizer.from_buffer(content)
    except Exception as error:  # the package raises nothing narrower
        raise ConfigError(
            f"{path} is not a tokenizer: {error}",
            hint="name the tokenizer.json that lies beside the model's weights",
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return count
