"""Fine-tuned models at OpenAI: deleted for good, and nothing else ever.

`adapter` deletes through here. What goes cannot be had back, so that a model is looked at before
anything is sent: it must have the id of a fine-tuned one, and not be OpenAI's own.
"""

from __future__ import annotations

import re

from reconciler.errors import ProviderAuthError, ProviderError, ProviderUnavailable
from reconciler.providers.answers import Refused
from reconciler.providers.http import Http, segment
from reconciler.providers.openai.refusals import surely_none

_TUNED = re.compile(r"ft:[\w:-]+(\.[\w:-]+)*", re.ASCII)
"""`ft:BASE:ORGANISATION:SUFFIX:ID`, a checkpoint's with `:ckpt-step-N` behind. No escapes and no
slashes: what looks like a model must not lead to another path."""

_THEIR_OWN = ("system", "openai", "openai-internal")
"""Who owns a base model, as OpenAI's list of models says."""

_ROLE = (
    "deleting a model takes the role Owner in its organisation: use a key of one, or ask one to"
    " delete it"
)


class Models:
    """The models of one account. `name` is the provider's in reconciler.yaml."""

    def __init__(self, http: Http, name: str) -> None:
        self._http = http
        self._name = name

    def delete(self, model: str) -> bool:
        """See `Provider.delete_model`. That it takes the role Owner, a refusal says."""
        if not _TUNED.fullmatch(model):
            raise ProviderError(
                f"{self._name} deletes fine-tuned models only, and {model} is none",
                hint="their ids begin with ft:",
            )
        if not self._exists(model):
            return False
        try:
            answer = self._http.ask("DELETE", _path(model))
        except ProviderAuthError as error:
            raise ProviderAuthError(error.message, hint=_ROLE) from None
        except Refused as error:
            if surely_none(error.refused) and not self._exists(model):
                return True  # an earlier try had arrived, and its answer was lost
            raise ProviderError(error.message) from None
        if (answer.document() or {}).get("deleted") is not True and self._exists(model):
            raise ProviderError(f"{self._name} still shows {model} after it was to be deleted")
        return True

    def _exists(self, model: str) -> bool:
        """Whether the account has the model. Raises ProviderError for one of OpenAI's own."""
        try:
            answer = self._http.ask("GET", _path(model))
        except Refused as error:
            if surely_none(error.refused):
                return False
            raise
        shown = answer.document() or {}
        if shown.get("id") != model:
            raise ProviderUnavailable(
                f"{self._name} answered {answer.where} with what is not that model"
            )
        if shown.get("owned_by") in _THEIR_OWN:
            raise ProviderError(f"{model} is not this account's: {self._name} says it is its own")
        return True


def _path(model: str) -> str:
    return f"/models/{segment(model)}"
