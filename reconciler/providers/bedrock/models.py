"""Custom models on Bedrock: deleted for good, and nothing else ever.

`adapter` deletes through here. What goes cannot be had back, so that a model is looked at before
anything is sent: it must be named as a custom model is, and a customization job must have made it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.errors import ProviderError, ProviderUnavailable
from reconciler.providers.bedrock.calls import Calls
from reconciler.providers.bedrock.limits import MODEL_NAME
from reconciler.providers.bedrock.refusals import Refused

_ARN = re.compile(
    r"arn:aws(-[^:]+)?:bedrock:(?P<region>[a-z0-9-]{1,20}):[0-9]{12}:custom-model/"
    r"[a-z0-9-]{1,63}[.][a-z0-9.-]{1,127}(:[a-z0-9-]{1,63}){0,2}/[a-z0-9]{12}"
)
"""A model that was trained here. An imported one has `imported` where this has its base model."""

_NO_SUCH_MODEL = "ResourceNotFoundException"
_IN_USE = "ConflictException"


class Models:
    """The custom models of one region. `name` is the provider's in reconciler.yaml."""

    def __init__(self, calls: Calls, name: str, region: str) -> None:
        self._calls = calls
        self._name = name
        self._region = region

    def delete(self, model: str) -> bool:
        """See `Provider.delete_model`. Takes an ARN or a name."""
        self._refuse_foreign(model)
        shown = self._shown(model)
        if shown is None:
            return False
        if not shown.get("jobArn"):
            raise ProviderError(
                f"{self._name} deletes fine-tuned models only, and no job has made {model}",
                hint="an imported model is deleted in the AWS console",
            )
        try:
            self._calls.bedrock("delete_custom_model", modelIdentifier=model)
        except Refused as error:
            if error.refused.code == _NO_SUCH_MODEL:
                return True  # an earlier try had arrived, and its answer was lost
            hint = "what is deployed on it has to go first" if error.refused.code == _IN_USE else ""
            raise ProviderError(error.message, hint=hint) from None
        return True

    def _refuse_foreign(self, model: str) -> None:
        """Raise ProviderError for what cannot be a custom model of this region."""
        found = _ARN.fullmatch(model)
        if found is None and MODEL_NAME.complaint(model) is not None:
            raise ProviderError(
                f"{self._name} deletes fine-tuned models only, and {model} is none",
                hint="name a custom model, or its ARN",
            )
        if found is not None and found["region"] != self._region:
            raise ProviderError(
                f"{model} is in {found['region']}, and {self._name} is in {self._region}",
                hint="delete it through a provider of that region",
            )

    def _shown(self, model: str) -> Mapping[str, Any] | None:
        """The model as Bedrock shows it, None if there is none."""
        try:
            shown = self._calls.bedrock("get_custom_model", modelIdentifier=model)
        except Refused as error:
            if error.refused.code == _NO_SUCH_MODEL:
                return None
            raise
        if model not in (shown.get("modelArn"), shown.get("modelName")):
            raise ProviderUnavailable(
                f"{self._name} was asked for {model} and shows something else"
            )
        return shown
