"""Settings come from variables, a `.env` file or secrets; a wrong one is refused."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml  # type: ignore[import-untyped]
from pydantic import SecretStr, ValidationError

from app import logs
from app.main import create_app
from app.settings import Settings
from tests.api import TestClient
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.upper().startswith("GONGKAI_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def faults(**variables: str) -> list[tuple[str, str]]:
    """Return what is wrong with settings: each name with its reason."""
    with pytest.raises(ValidationError) as refused:
        Settings(**variables)  # type: ignore[arg-type]
    return [(str(error["loc"][0]), error["msg"]) for error in refused.value.errors()]


def test_without_any_setting_the_service_is_local_on_sqlite() -> None:
    assert Settings().model_dump() == {
        "database_url": "sqlite:///data/gongkai.db",
        "database_read_url": None,
        "read_fence": None,
        "host": "127.0.0.1",
        "port": 8000,
        "workers": 1,
        "root_path": "",
        "cors_origins": (),
        "admin_key": None,
        "key_pepper": SecretStr(""),
        "mirror_key": None,
        "anonymous_read": True,
        "rate_limit": 0,
        "anonymous_rate_limit": 0,
        "failure_limit": 600,
        "concurrency_limit": 1_000,
        "body_timeout": 60,
        "pool_size": 4,
        "sqlite_synchronous": "FULL",
        "log_level": "INFO",
        "log_format": "json",
        "access_log": True,
        "graceful_timeout": 20,
        "feed_retention_days": 400,
        "audit_retention_days": 0,
        "import_limit": 256 * 2**20,
        "import_at_once": 8 * 2**20,
        "import_lines_at_once": 2_000,
        "import_days": 7,
        "import_lease": 30,
        "idempotency_hours": 24,
        "webhooks_private_targets": False,
        "webhook_give_up_days": 5,
        "oidc_issuer": None,
        "oidc_audience": None,
        "oidc_role_claim": "gongkai_role",
        "oidc_agency_claim": "gongkai_agency",
        "oidc_name_claim": "sub",
        "oidc_algorithms": ("RS256", "ES256", "EdDSA"),
        "oidc_leeway": 30,
        "oidc_keys_seconds": 300,
        "oidc_keys_longest": 14_400,
        "oidc_timeout": 5,
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("database_url", "sqlite:////var/lib/gongkai.db", "sqlite:////var/lib/gongkai.db"),
        ("database_url", "postgresql+psycopg://g:s@db/g", "postgresql+psycopg://g:s@db/g"),
        ("host", "0.0.0.0", "0.0.0.0"),
        ("port", "80", 80),
        ("workers", "4", 4),
        ("root_path", "/gongkai", "/gongkai"),
        ("cors_origins", "https://a.cn", ("https://a.cn",)),
        ("rate_limit", "600", 600),
        ("anonymous_rate_limit", "60", 60),
        ("failure_limit", "0", 0),
        ("concurrency_limit", "0", 0),
        ("body_timeout", "0.5", 0.5),
        ("pool_size", "2", 2),
        ("sqlite_synchronous", "NORMAL", "NORMAL"),
        ("log_level", "DEBUG", "DEBUG"),
        ("log_format", "console", "console"),
        ("access_log", "false", False),
        ("graceful_timeout", "0", 0),
        ("import_limit", "1048576", 2**20),
        ("import_at_once", "0", 0),
        ("import_lines_at_once", "100", 100),
        ("import_days", "0.5", 0.5),
        ("import_lease", "10", 10),
        ("idempotency_hours", "48", 48),
        ("webhooks_private_targets", "true", True),
        ("webhook_give_up_days", "1.5", 1.5),
        ("read_fence", "", None),
        ("oidc_issuer", "", None),
        ("oidc_audience", "", None),
        ("oidc_role_claim", "realm_access.roles", "realm_access.roles"),
        ("oidc_agency_claim", "https://a.cn/agency", "https://a.cn/agency"),
        ("oidc_name_claim", "preferred_username", "preferred_username"),
        ("oidc_algorithms", "PS256, ES384", ("PS256", "ES384")),
        ("oidc_leeway", "0", 0),
        ("oidc_keys_seconds", "60", 60),
        ("oidc_keys_longest", "300", 300),
        ("oidc_timeout", "0.5", 0.5),
    ],
)
def test_a_variable_sets(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any) -> None:
    monkeypatch.setenv(f"GONGKAI_{name.upper()}", text)
    assert getattr(Settings(), name) == value


def test_a_dotenv_file_sets_and_a_variable_comes_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = "# local\nGONGKAI_PORT=9000\nGONGKAI_WORKERS=3\nOTHER_PROGRAM=1\n"
    (tmp_path / ".env").write_text(lines)
    monkeypatch.setenv("GONGKAI_PORT", "9001")
    settings = Settings()
    assert (settings.port, settings.workers) == (9001, 3)


def test_a_secret_is_a_file_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "gongkai_database_url").write_text("postgresql+psycopg://g:secret@db/g\n")
    settings = Settings(_secrets_dir=tmp_path)
    assert settings.database_url == "postgresql+psycopg://g:secret@db/g"


def test_the_admin_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGKAI_ADMIN_KEY", "open sesame")
    settings = Settings()
    assert settings.admin_key == SecretStr("open sesame")
    assert "sesame" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///data/gongkai.db", "sqlite:///data/gongkai.db"),
        ("postgresql+psycopg://g@db/g", "postgresql+psycopg://g@db/g"),
        ("postgresql+psycopg://g:se%40cret@db/g", "postgresql+psycopg://g:***@db/g"),
        (
            "postgresql+psycopg:///g?host=/run/pg&password=secret&user=g&sslpassword=secret",
            "postgresql+psycopg:///g?host=%2Frun%2Fpg&user=g",
        ),
    ],
)
def test_a_database_is_shown_without_its_passwords(url: str, shown: str) -> None:
    assert Settings(database_url=url).shown_database == shown


def test_the_log_shows_no_password_of_the_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql+psycopg://g@/g?host={tmp_path}&password=se%27cret"
    with TestClient(create_app(Settings(database_url=url))) as client:
        assert client.get("/readyz").status_code == 503
    logged = capsys.readouterr().err
    assert '"event": "started"' in logged
    assert "cret" not in logged


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        ("https://a.cn", ("https://a.cn",)),
        (" https://a.cn , http://localhost:3000,", ("https://a.cn", "http://localhost:3000")),
        ("*", ("*",)),
    ],
    ids=["none", "one", "two", "any"],
)
def test_cors_origins_are_a_list_with_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GONGKAI_CORS_ORIGINS", text)
    assert Settings().cors_origins == origins


@pytest.mark.parametrize(
    "text", ["a.cn", "https://a.cn/", "https://a.cn/app", '["https://a.cn"]', "https://a.cn b"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    ((name, reason),) = faults(cors_origins=text)
    assert name == "cors_origins"
    assert "is not an origin such as https://example.cn" in reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "is not a database URL"),
        ("gongkai.db", "is not a database URL"),
        ("postgresql+psycopg://db:port/g", "is not a database URL"),
        ("mysql://db/g", "must start with sqlite:/// or postgresql+psycopg://"),
        ("postgresql://db/g", "must start with sqlite:/// or postgresql+psycopg://"),
        ("sqlite+aiosqlite:///a.db", "must start with sqlite:/// or postgresql+psycopg://"),
        ("sqlite://", "must name a file: sqlite:///path/to/gongkai.db"),
        ("sqlite:///", "must name a file: sqlite:///path/to/gongkai.db"),
        ("sqlite:///:memory:", "must name a file: sqlite:///path/to/gongkai.db"),
    ],
)
def test_what_is_no_database_of_ours_is_refused(url: str, reason: str) -> None:
    assert faults(database_url=url) == [("database_url", f"Value error, {reason}")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "http"),
        ("port", "-1"),
        ("port", "65536"),
        ("workers", "0"),
        ("workers", "2.5"),
        ("rate_limit", "-1"),
        ("concurrency_limit", "many"),
        ("body_timeout", "-1"),
        ("pool_size", "0"),
        ("graceful_timeout", "-1"),
        ("sqlite_synchronous", "OFF"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("access_log", "perhaps"),
        ("host", ""),
        ("admin_key", "密钥"),
        ("admin_key", " key"),
        ("mirror_key", "é"),
        ("root_path", "gongkai"),
        ("root_path", "/gongkai/"),
        ("root_path", "https://a.cn/gongkai"),
        ("oidc_role_claim", ""),
        ("oidc_algorithms", ""),
        ("oidc_algorithms", "none"),
        ("oidc_algorithms", "RS256,HS256"),
        ("oidc_algorithms", "rs256"),
        ("oidc_leeway", "301"),
        ("oidc_keys_seconds", "1"),
        ("oidc_keys_longest", "299"),
        ("oidc_timeout", "0"),
    ],
)
def test_a_wrong_value_is_refused(name: str, text: str) -> None:
    assert [fault for fault, _ in faults(**{name: text})] == [name]


@pytest.mark.parametrize(
    "issuer",
    [
        "https://sso.example.cn",
        "https://sso.example.cn:8443/realms/gov",
        "https://sso.example.cn/",
        "http://127.0.0.1:8080/realms/gov",
        "http://localhost",
        "http://[::1]:8080",
    ],
)
def test_a_provider_is_known_by_a_url_that_cannot_be_listened_to(issuer: str) -> None:
    settings = Settings(oidc_issuer=issuer, oidc_audience="gongkai")
    assert (settings.oidc_issuer, settings.oidc_audience) == (issuer, "gongkai")


@pytest.mark.parametrize(
    "issuer",
    [
        "sso.example.cn",
        "http://sso.example.cn",
        "http://127.0.0.1.example.cn",
        "http://localhost@sso.example.cn",
        "https://user:secret@sso.example.cn",
        "https://",
        "https://:443",
        "https://sso.example.cn:0",
        "https://sso.example.cn:66000",
        "https://[sso",
        "https://sso.example.cn/?realm=gov",
        "https://sso.example.cn/#gov",
        "https://sso.example.cn/a b",
        "https://sso.example.cn/\n",
        "https://政务.cn",
        "file:///etc/passwd",
        "ftp://sso.example.cn",
    ],
)
def test_what_is_no_such_url_is_no_issuer(issuer: str) -> None:
    reason = "must be a URL such as https://sso.example.cn/realms/gov"
    assert faults(oidc_issuer=issuer, oidc_audience="gongkai") == [
        ("oidc_issuer", f"Value error, {reason}")
    ]


def test_an_issuer_and_an_audience_go_together() -> None:
    assert faults(oidc_issuer="https://sso.example.cn") == [
        ("oidc_audience", "Value error, must be set where GONGKAI_OIDC_ISSUER is")
    ]
    assert faults(oidc_audience="gongkai") == [
        ("oidc_audience", "Value error, is set, but GONGKAI_OIDC_ISSUER is not")
    ]


def test_keys_are_used_while_the_provider_is_away_for_longer_than_they_are_fresh() -> None:
    assert faults(oidc_keys_seconds="20000") == [
        ("oidc_keys_longest", "Value error, must not be less than GONGKAI_OIDC_KEYS_SECONDS")
    ]


def test_the_example_of_an_environment_has_every_setting_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?(GONGKAI_[A-Z_]+)=", text, re.MULTILINE))
    assert named == {f"GONGKAI_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("service", ["migrate", "api"])
def test_compose_passes_every_setting_and_sets_where_the_service_is(service: str) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    found = compose["services"][service]
    assert found["env_file"] == [{"path": ".env", "required": False}]
    served = {name: found["environment"][name] for name in ("GONGKAI_HOST", "GONGKAI_PORT")}
    assert served == {"GONGKAI_HOST": "0.0.0.0", "GONGKAI_PORT": "8000"}
    assert found["environment"]["GONGKAI_DATABASE_URL"].startswith("postgresql+psycopg://")


def test_logs_for_the_eye_have_nothing_in_them_that_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        logs.configure(Settings(_env_file=None, log_format="console"))
        structlog.get_logger().warning("refused", path="/v1/\x1b]0;名\x07\x9b2J", address="\x1b[2J")
        line = capsys.readouterr().err
    finally:
        logs.configure(Settings(_env_file=None))
    assert r"/v1/\x1b]0;名\x07\x9b2J" in line
    assert not any(character in line for character in ("\x1b]", "\x07", "\x9b", "\x1b[2J"))
