"""Who bears an access token: imported where a provider is set, as cryptography takes its time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog

from app.errors import Away, Unauthorized
from app.services.oidc.claims import Claims, TokenRefused
from app.services.oidc.provider import ProviderAway
from app.services.oidc.tokens import Verifier
from app.settings import Settings

log = structlog.get_logger("gongkai")
_ASK_AGAIN = 30
"""Seconds after which a provider that is away is asked again."""
_VERIFIERS = ThreadPoolExecutor(32, "tokens")
"""Threads that verify, and may wait for the provider: nothing else waits with them."""


class Bearers:
    """Those who show access tokens of the provider; used on the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._verifier = Verifier(settings)

    async def claims(self, token: str) -> Claims:
        """Return what a token says. Raises `Unauthorized`, or `Away` if the provider is."""
        try:
            known = self._verifier.cached(token)
            if known is None:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(_VERIFIERS, self._verifier.verify, token)
            return known
        except TokenRefused as error:
            log.warning("token refused", reason=error.reason)
            raise Unauthorized("invalid-credentials", error="invalid_token") from None
        except ProviderAway:
            raise Away(_ASK_AGAIN) from None
