"""Models at Fireworks: what one is, and the deleting of a fine-tuned one, for good.

`adapter` looks and deletes through here. What goes cannot be had back, so that a model is looked at
before anything is sent: it must be the account's own, and a training must have made it. Bases that
the account has uploaded are never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.errors import ProviderError, ProviderUnavailable
from reconciler.providers.answers import Refused
from reconciler.providers.fireworks import names, wire
from reconciler.providers.fireworks.wire import StoredModel
from reconciler.providers.http import Http

_NOT_FOUND = 404

Look = Callable[[str], Mapping[str, Any] | None]
"""What Fireworks shows at a path; None if there is surely nothing."""


class Models:
    """The models that one account sees. `name` is the provider's in reconciler.yaml."""

    def __init__(self, http: Http, look: Look, name: str) -> None:
        self._http = http
        self._look = look
        self._name = name

    def get(self, model: str) -> StoredModel | None:
        """The model of this full name, None if there is none."""
        return wire.stored_model(self._look(f"/v1/{model}"))

    def delete(self, model: str, account: str) -> bool:
        """See `Provider.delete_model`. Takes a full name, or an id of this account."""
        full = names.owned_model(model, account)
        if names.owner(full) != account or not _is_model(full):
            raise ProviderError(
                f"{self._name} deletes fine-tuned models of the account {account} only, and {model}"
                " is none",
                hint=f"as accounts/{account}/models/ID",
            )
        found = self.get(full)
        if found is None:
            return False
        if found.name != full:
            raise ProviderUnavailable(f"{self._name} was asked for {full} and shows something else")
        if not found.tuned:
            raise ProviderError(
                f"{self._name} deletes fine-tuned models only, and {full} is a base model",
                hint="delete it in Fireworks' dashboard if it is not needed any more",
            )
        try:
            self._http.ask("DELETE", f"/v1/{full}")
        except Refused as error:
            if error.refused.status == _NOT_FOUND and error.refused.structured:
                return True  # an earlier try had arrived, and its answer was lost
            raise ProviderError(error.message) from None
        return True


def _is_model(full: str) -> bool:
    """Whether this names a model and no more: neither another kind of thing nor a verb behind."""
    return names.is_model(full) and names.is_model(names.last(full))
