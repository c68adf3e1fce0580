"""Values as a message may show them: short, one line, and never a secret.

`words` shows what it found, `config` refuses what looks like a key. A key in the wrong field is
still a key: it must not reach a terminal, a log or a pull request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any


def shown(value: Any) -> str:
    """What `value` is, to follow "got": `the text "3"`, `3`, `a list`."""
    match value:
        case str() if looks_secret(value):
            return "a text that looks like a secret"
        case str():
            return f"the text {json.dumps(shortened(value), ensure_ascii=False)}"
        case None:
            return "nothing"
        case bool() | int() | float():
            return json.dumps(value)
        case Mapping():
            return "a mapping"
        case _:
            return "a list"


def shortened(text: str) -> str:
    """`text` with at most 40 characters of it."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def looks_secret(text: str) -> bool:
    """Whether a text has the form of a key, a token or a password in a URL."""
    return _SECRET.search(text) is not None


_LONGEST = 40
_SECRET = re.compile(
    r"""
    \b (?: sk | pk | rk ) [-_] [A-Za-z0-9_-]{8,}            # OpenAI and many after it
    | \b (?: fw | hf | gsk | key ) _ [A-Za-z0-9]{12,}       # Fireworks, Hugging Face, Groq
    | \b (?: AKIA | ASIA ) [A-Z0-9]{12,}                    # AWS
    | \b gh[pousr] _ [A-Za-z0-9]{16,} | \b github_pat_      # GitHub
    | \b eyJ [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]{8,}         # a JSON web token
    | \b (?: bearer | basic ) [ ]+ [A-Za-z0-9+/=._-]{8,}    # the value of an Authorization header
    | :// [^/\s:@]+ : [^/\s@]+ @                            # user:password@host
    | -----BEGIN [ ] [A-Z ]* PRIVATE
    """,
    re.VERBOSE | re.IGNORECASE,
)
