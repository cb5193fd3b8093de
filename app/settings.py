"""What differs between deployments: `GONGKAI_*` variables, a `.env` file, or secrets as files."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

_SECRETS = Path("/run/secrets")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]+")
_ROOT_PATH = re.compile(r"(/[^/?#\s]+)*")
_POSTGRESQL = "postgresql+psycopg"
_PASSWORDS = ("password", "sslpassword")  # where a URL of PostgreSQL may have them, too
_LEAST_AUDITED = 183  # days: the Cybersecurity Law, article 21, has logs kept for six months
_PRINTED = re.compile(r"[!-~]+")
_CREDENTIALS = re.compile(r"[!-~]([ -~]*[!-~])?")
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
_SIGNING = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)


def is_provider_url(text: str) -> bool:
    """Tell whether a provider may be asked at a URL: https, or http within this machine."""
    if not _PRINTED.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError:
        return False
    if not (parts.hostname and has_port) or "@" in parts.netloc or "#" in text:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)


def _driver(url: str) -> str | None:
    """Return the driver that a URL names; None if it is no database URL."""
    try:
        return make_url(url).drivername
    except (ArgumentError, ValueError):
        return None


class Settings(BaseSettings):
    """The settings; a wrong one stops the start."""

    model_config = SettingsConfigDict(
        env_prefix="GONGKAI_",
        env_file=".env",
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
    )

    database_url: str = "sqlite:///data/gongkai.db"
    database_read_url: str | None = None
    """A streaming replica of the database, on PostgreSQL: reads go to it while it is current."""
    read_fence: Path | None = None
    """The file by which processes on one machine tell each other how current that must be."""
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    root_path: str = ""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    admin_key: SecretStr | None = None
    """A key with the role `admin` that stands in no database: for the first start."""
    key_pepper: SecretStr = SecretStr("")
    """What is mixed into the digests of API keys. With another none of them holds."""
    mirror_key: SecretStr | None = None
    """The API key that `gongkai mirror` shows to the instance that it copies."""
    anonymous_read: bool = True
    """Whether published reports are shown to those who do not say who they are."""
    rate_limit: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Requests a minute of each caller that is known, where its key says nothing else; 0: any."""
    anonymous_rate_limit: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Requests a minute from each address, of those who do not say who they are; 0: any."""
    failure_limit: Annotated[int, Field(ge=0, le=10_000_000)] = 600
    """Credentials a minute from one address that may be of no use; 0: any number."""
    concurrency_limit: Annotated[int, Field(ge=0, le=10_000_000)] = 1_000
    """Requests of one caller that may be under way at once, streams among them; 0: any number."""
    body_timeout: Annotated[float, Field(ge=0, le=86_400)] = 60
    """Seconds for which a client may keep the service waiting for a body; 0: for ever."""
    pool_size: Annotated[int, Field(ge=1, le=100)] = 4
    """Database connections, and threads that use them, of one worker: this many for reading and as
    many for writing (SQLite: one for writing)."""
    sqlite_synchronous: Literal["FULL", "NORMAL"] = "FULL"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    access_log: bool = True
    graceful_timeout: Annotated[int, Field(ge=0, le=600)] = 20
    feed_retention_days: Annotated[int, Field(ge=1, le=36_500)] = 400
    audit_retention_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """How long the audit log is kept; 0: for ever."""
    import_limit: Annotated[int, Field(ge=1_024, le=2**40)] = 256 * 2**20
    """The largest file that is imported, in bytes, unpacked."""
    import_at_once: Annotated[int, Field(ge=0)] = 8 * 2**20
    """The largest import, in bytes, that is answered at once; a larger one becomes a job."""
    import_lines_at_once: Annotated[int, Field(ge=0, le=100_000)] = 2_000
    """The most lines of an import that is answered at once."""
    import_days: Annotated[float, Field(gt=0, le=3_650)] = 7
    """How long the outcomes of an import that has ended are kept."""
    import_lease: Annotated[float, Field(ge=2, le=3_600)] = 30
    """After how many seconds without a sign of life a job is taken over from another machine."""
    idempotency_hours: Annotated[float, Field(gt=0, le=8_760)] = 24
    """How long the reply to an Idempotency-Key is kept."""
    webhooks_private_targets: bool = False
    """Whether webhooks may point into private networks, and at this machine."""
    webhook_give_up_days: Annotated[float, Field(gt=0, le=3_650)] = 5
    """After how many days of failures a webhook is deactivated."""
    oidc_issuer: str | None = None
    """The OpenID provider whose access tokens are taken, as they name it; without, none are."""
    oidc_audience: Annotated[str | None, Field(validate_default=True)] = None
    """What the provider calls this service in the tokens that are meant for it."""
    oidc_role_claim: Annotated[str, Field(min_length=1)] = "gongkai_role"
    """The claim with the role, or roles; dots lead into objects: `realm_access.roles`."""
    oidc_agency_claim: Annotated[str, Field(min_length=1)] = "gongkai_agency"
    oidc_name_claim: Annotated[str, Field(min_length=1)] = "sub"
    """The claim by which a caller is shown."""
    oidc_algorithms: Annotated[tuple[str, ...], NoDecode] = ("RS256", "ES256", "EdDSA")
    oidc_leeway: Annotated[float, Field(ge=0, le=300)] = 30
    """By how many seconds the provider's clock may differ."""
    oidc_keys_seconds: Annotated[float, Field(ge=30, le=86_400)] = 300
    """After how many seconds the provider's keys are looked at anew."""
    oidc_keys_longest: Annotated[float, Field(ge=30, le=604_800, validate_default=True)] = 14_400
    """For how many seconds they are used while the provider is away."""
    oidc_timeout: Annotated[float, Field(gt=0, le=60)] = 5
    """Seconds that a reply of the provider may take."""

    @field_validator("database_url")
    @classmethod
    def _is_known_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            raise ValueError("is not a database URL") from None
        if url.drivername not in {"sqlite", _POSTGRESQL}:
            raise ValueError(f"must start with sqlite:/// or {_POSTGRESQL}://")
        if url.drivername == "sqlite" and url.database in {None, "", ":memory:"}:
            raise ValueError("must name a file: sqlite:///path/to/gongkai.db")
        return value

    @field_validator(
        "oidc_issuer", "oidc_audience", "database_read_url", "read_fence", "admin_key",
        "mirror_key", mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("admin_key", "mirror_key")
    @classmethod
    def _can_be_shown(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _CREDENTIALS.fullmatch(value.get_secret_value()):
            raise ValueError("must be of printed ASCII characters, without a blank at either end")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is not None and (not is_provider_url(value) or "?" in value):
            raise ValueError("must be a URL such as https://sso.example.cn/realms/gov")
        return value

    @field_validator("oidc_audience")
    @classmethod
    def _goes_with_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "oidc_issuer" not in info.data:  # it is wrong, which is said
            return value
        if value is None and info.data["oidc_issuer"] is not None:
            raise ValueError("must be set where GONGKAI_OIDC_ISSUER is")
        if value is not None and info.data["oidc_issuer"] is None:
            raise ValueError("is set, but GONGKAI_OIDC_ISSUER is not")
        return value

    @field_validator("oidc_algorithms")
    @classmethod
    def _are_signing(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not _SIGNING.issuperset(value):
            raise ValueError(f"must be some of {', '.join(sorted(_SIGNING))}")
        return value

    @field_validator("oidc_keys_longest")
    @classmethod
    def _is_longer(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("oidc_keys_seconds", 0):
            raise ValueError("must not be less than GONGKAI_OIDC_KEYS_SECONDS")
        return value

    @field_validator("audit_retention_days")
    @classmethod
    def _is_long_enough(cls, value: int) -> int:
        if 0 < value < _LEAST_AUDITED:
            raise ValueError(f"must be 0 (for ever) or at least {_LEAST_AUDITED}")
        return value

    @field_validator("database_read_url")
    @classmethod
    def _is_replica(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        is_ours = _driver(value) == _driver(str(info.data.get("database_url"))) == _POSTGRESQL
        if not is_ours:
            raise ValueError(f"needs {_POSTGRESQL}:// here and in GONGKAI_DATABASE_URL")
        return value

    @field_validator("cors_origins", "oidc_algorithms", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin!r} is not an origin such as https://example.cn")
        return value

    @field_validator("root_path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if not _ROOT_PATH.fullmatch(value):
            raise ValueError("must be empty or a path such as /gongkai, with no slash at its end")
        return value

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the database is SQLite."""
        return self.database_url.startswith("sqlite")

    @property
    def shown_database(self) -> str:
        """The database's URL without the passwords that it may have, as logs may show it."""
        url = make_url(self.database_url).difference_update_query(_PASSWORDS)
        return url.render_as_string(hide_password=True)
