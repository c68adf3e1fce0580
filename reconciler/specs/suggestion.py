"""What somebody may have meant who wrote a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Suggestions:
    """A bounded number of guesses: each compares with every candidate, and there may be many.

    After the first mistakes of a kind nobody reads the guesses of the rest.
    """

    left: int = 50

    def closest(self, word: str, candidates: Iterable[str]) -> str | None:
        """The candidate that looks most like `word`, if one does. Case does not count."""
        if self.left == 0:
            return None
        self.left -= 1
        from difflib import get_close_matches

        by_folded = {candidate.casefold(): candidate for candidate in candidates}
        close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=_CLOSE)
        return by_folded[close[0]] if close else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`did you mean azure?`, or "" where nothing is close."""
    closest = Suggestions().closest(word, candidates)
    return f"did you mean {closest}?" if closest else ""


_CLOSE = 0.7
