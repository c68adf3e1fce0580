"""Who signed a request, as its header says: the door of Bedrock and S3.

The two providers of AWS ask it. Nothing is verified: the sandbox has no secret to check a signature
with. It must never let a request in without one, or an adapter that forgot to sign would pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

ACCOUNT = "000000000000"
"""The one account of the sandbox."""

REFUSED_KEY = "invalid"
"""The one access key that nobody may enter with; any other will do."""

_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/, ]+)/(?P<date>\d{8})/(?P<region>[a-z0-9-]{1,20})/"
    r"(?P<service>[a-z0-9-]+)/aws4_request, ?SignedHeaders=[^, ]+, ?Signature=[0-9a-f]{64}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What the Authorization header of a signed request says of its sender."""

    access_key: str
    region: str
    service: str


def is_signed(request: Request) -> bool:
    """Whether a request claims to be signed, well or badly."""
    return request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")


def signature_of(request: Request) -> Signature | None:
    """The signature of a request, or None where there is none that can be read."""
    match = _SIGNATURE.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        return None
    return Signature(access_key=match["key"], region=match["region"], service=match["service"])
