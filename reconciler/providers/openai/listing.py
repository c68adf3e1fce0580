"""Pages: a list at an OpenAI-shaped server, entry by entry, to its very end or not at all.

`adapter` and `files` read every list through here. It must never end early without saying so: in
an unfinished list that looks finished, a job that exists looks missing, and is paid for again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.errors import ProviderUnavailable
from reconciler.providers.http import Http

PAGE = 100
"""Entries asked for at once. OpenAI's description gives a default of 20 and no maximum."""


def entries(
    http: Http, path: str, query: Sequence[tuple[str, str]] = ()
) -> Iterator[Mapping[str, Any]]:
    """Every entry once, in the server's order, fetched as the caller consumes them.

    Raises ProviderUnavailable where an entry has no id, or where the server promises more and
    sends nothing new; Refused as `Http.ask` does. A server that does not say whether there is more
    is asked until nothing new comes.
    """
    seen: set[str] = set()
    after: list[tuple[str, str]] = []
    while True:
        answer = http.ask("GET", path, [*query, *after])
        page = answer.document() or {}
        data = page.get("data")
        if not isinstance(data, list):
            raise ProviderUnavailable(
                f"{answer.where} was answered with something that is no list",
                hint="does the base URL of this provider end where the API begins (often /v1)?",
            )
        fresh = [entry for entry in data if _id(entry, answer.where) not in seen]
        seen.update(_id(entry, answer.where) for entry in fresh)
        yield from fresh
        more = page.get("has_more")
        if more is False or (more is None and not fresh):
            return
        if not fresh:
            raise ProviderUnavailable(
                f"{answer.where} promises more entries and sends none: the list has no end",
            )
        after = [("after", _id(data[-1], answer.where))]


def _id(entry: Any, where: str) -> str:
    id_ = entry.get("id") if isinstance(entry, Mapping) else None
    if isinstance(id_, str | int) and id_ != "":
        return str(id_)
    raise ProviderUnavailable(f"{where} lists an entry without an id")
