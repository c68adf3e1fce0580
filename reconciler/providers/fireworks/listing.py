"""Pages: a collection at Fireworks, newest first, to its very end or not at all.

`adapter` reads every list through here. It must never end early without saying so. The first page
is asked for without a token: there is none yet, and a made-up one is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.errors import ProviderUnavailable
from reconciler.providers.answers import Refused
from reconciler.providers.fireworks import wire
from reconciler.providers.http import Http

PAGE = ("pageSize", "200")
"""The most that Fireworks sends at once (its SDK, 1.2)."""

ORDERS = (("orderBy", "create_time desc"), ("orderBy", "createTime desc"))
"""By itself Fireworks orders by name. Its description does not say how it spells a field here, so
that both ways are tried; and what comes back is checked, not believed."""

_NOT_UNDERSTOOD = (400, 422)

Entry = Mapping[str, Any]


def newest_first(http: Http, path: str, collection: str) -> Iterator[Entry]:
    """Every entry once, fetched as the caller consumes them, if the server keeps the order.

    One that does not is read to its end before the rest is handed on. Raises ProviderUnavailable
    where an entry has no name, or where the server promises more for ever; Refused as `Http.ask`.
    """
    pages = _pages(http, path, collection)
    oldest = float("inf")
    for page in pages:
        ages = [_age(entry) for entry in page]
        if ages != sorted(ages, reverse=True) or (ages and ages[0] > oldest):
            rest = [*page, *(entry for later in pages for entry in later)]
            yield from sorted(rest, key=_age, reverse=True)
            return
        yield from page
        oldest = ages[-1] if ages else oldest


def _pages(http: Http, path: str, collection: str) -> Iterator[list[Entry]]:
    document, where, query = _first(http, path)
    seen: set[str] = set()
    tokens: set[str] = set()
    while True:
        yield _fresh(document, collection, where, seen)
        token = document.get("nextPageToken")
        if not token:
            return
        if not isinstance(token, str) or token in tokens:
            raise ProviderUnavailable(f"{where} goes round in circles: the list has no end")
        tokens.add(token)
        document, where = _asked(http, path, [*query, ("pageToken", token)])


def _first(http: Http, path: str) -> tuple[Entry, str, list[tuple[str, str]]]:
    """The first page, where it came from, and the query that it was had with."""
    for order in ORDERS:
        try:
            return (*_asked(http, path, [PAGE, order]), [PAGE, order])
        except Refused as error:
            if error.refused.status not in _NOT_UNDERSTOOD:
                raise
    return (*_asked(http, path, [PAGE]), [PAGE])


def _asked(http: Http, path: str, query: Sequence[tuple[str, str]]) -> tuple[Entry, str]:
    answer = http.ask("GET", path, query)
    document = answer.document()
    if document is None:
        raise ProviderUnavailable(
            f"{answer.where} was answered with something that is no list",
            hint="is the base URL of this provider right? as https://api.fireworks.ai",
        )
    return document, answer.where


def _fresh(document: Entry, collection: str, where: str, seen: set[str]) -> list[Entry]:
    """The entries of a page that were on none before. An empty list is left out of JSON."""
    listed = document.get(collection, [])
    if not isinstance(listed, list):
        raise ProviderUnavailable(f"{where} was answered with something that is no list")
    fresh: list[Entry] = []
    for entry in listed:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if not isinstance(name, str) or not name:
            raise ProviderUnavailable(f"{where} lists an entry without a name")
        if name not in seen:
            seen.add(name)
            fresh.append(entry)
    return fresh


def _age(entry: Entry) -> int:
    return wire.moment(entry.get("createTime")) or 0
