"""What a token says of its bearer, once its signature holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.codes import is_agency_code
from app.domain.roles import OF_AN_AGENCY, ROLES, Role
from app.settings import Settings

_LAST_SECOND = 253_402_300_799  # of the year 9999
_LONGEST = 255  # as OpenID Connect has it for `sub`
_UNPRINTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash", "s_hash")


class TokenRefused(Exception):
    """A token is not taken. `reason` is for the log: a client learns only that it is not."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Claims:
    """Who bears a token, and what for. `expires_at` is in whole seconds since 1970."""

    subject: str
    name: str
    role: Role
    agency: str | None
    expires_at: int


def understood(payload: Mapping[str, Any], kind: str, settings: Settings) -> Claims:
    """Return what a payload says; `kind` is the `typ` of its header. Raises `TokenRefused`."""
    _require_access_token(payload, kind)
    for claim in ("iat", "nbf"):
        if claim in payload:
            _time(payload[claim])
    role = _role(found(payload, settings.oidc_role_claim))
    subject = _text(payload.get("sub"), "subject")
    name = found(payload, settings.oidc_name_claim)
    return Claims(
        subject=subject,
        name=subject if name is None else _text(name, "name"),
        role=role,
        agency=_agency(found(payload, settings.oidc_agency_claim), role),
        expires_at=_time(payload.get("exp")),
    )


def found(payload: Mapping[str, Any], claim: str) -> object:
    """Return a claim: of just this name, or else where its dots lead."""
    if claim in payload:
        return payload[claim]
    here: object = payload
    for part in claim.split("."):
        if not isinstance(here, dict):
            return None
        here = here.get(part)
    return here


def _require_access_token(payload: Mapping[str, Any], kind: str) -> None:
    """Refuse tokens that are for something else than bearing: ID and refresh tokens, bound ones.

    RFC 9068 marks access tokens in the header, Keycloak in the claim `typ`. Without either mark,
    claims tell that as a rule only ID tokens have, which are always for the client that got them.
    """
    if "cnf" in payload:
        raise TokenRefused("bound")
    use = payload.get("typ")
    if use is not None and not (isinstance(use, str) and use.lower() == "bearer"):
        raise TokenRefused("type")
    if kind != "at+jwt" and use is None and _is_id_token(payload):
        raise TokenRefused("id-token")


def _is_id_token(payload: Mapping[str, Any]) -> bool:
    client, audience = payload.get("azp", payload.get("client_id")), payload.get("aud")
    is_for_client = (
        client is None or client == audience or (isinstance(audience, list) and client in audience)
    )
    return is_for_client and any(payload.get(claim) for claim in _OF_ID_TOKENS)


def _time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused("time")
    if not 0 <= value <= _LAST_SECOND:
        raise TokenRefused("time")
    return int(value)


def _text(value: object, reason: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= len(value) <= _LONGEST:
        raise TokenRefused(reason)
    if _UNPRINTED.search(value):
        raise TokenRefused(reason)
    return value


def _role(value: object) -> Role:
    """Return the strongest role of a text or a list of texts; others than ours are not minded."""
    named = [value] if isinstance(value, str) else value
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise TokenRefused("role")
    for role in reversed(ROLES):
        if role in named:
            return role
    raise TokenRefused("role")


def _agency(value: object, role: Role) -> str | None:
    if value is None and role not in OF_AN_AGENCY:
        return None
    if not isinstance(value, str) or not is_agency_code(value):
        raise TokenRefused("agency")
    return value
