"""Settings, from the environment alone; every default is explained here.

`accord up` reads them once and gives them to everything it starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

HOST = "127.0.0.1"
"""Everything listens on loopback; a deployment puts its own proxy before it."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Oidc:
    """An OpenID Connect provider that people sign in at, and who Accord is there.

    Without a secret file Accord is a public client there; PKCE is used either way.
    """

    issuer: str
    client_id: str
    secret_file: Path | None = None


@dataclass(frozen=True)
class Smtp:
    """The mail server that messages are given to. `security` is starttls, tls or none."""

    host: str
    port: int
    security: str
    sender: str
    user: str | None = None
    password_file: Path | None = None


@dataclass(frozen=True)
class Settings:
    """Where things are. Ports are TCP ports on loopback."""

    home: Path
    database: str
    temporal: str | None
    temporal_port: int
    temporal_page_port: int
    web_port: int
    gateway_port: int
    namespace: str
    region: str | None
    public: str | None = None
    oidc: Oidc | None = None
    smtp: Smtp | None = None

    @property
    def temporal_address(self) -> str:
        """Where the Temporal server answers: one given in the settings, or our own."""
        return self.temporal or f"{HOST}:{self.temporal_port}"

    @property
    def url(self) -> str:
        """Where the portal answers on this machine."""
        return f"http://{HOST}:{self.web_port}"

    @property
    def address(self) -> str:
        """The address that people open: that of the proxy before the portal, if there is one."""
        return self.public or self.url

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for the processes that `accord up` starts."""
        values: dict[str, object] = {
            "ACCORD_HOME": self.home,
            "ACCORD_DATABASE": self.database,
            "ACCORD_TEMPORAL": self.temporal_address,
            "ACCORD_TEMPORAL_PORT": self.temporal_port,
            "ACCORD_TEMPORAL_PAGE_PORT": self.temporal_page_port,
            "ACCORD_WEB_PORT": self.web_port,
            "ACCORD_GATEWAY_PORT": self.gateway_port,
            "ACCORD_NAMESPACE": self.namespace,
            "ACCORD_REGION": self.region,
            "ACCORD_URL": self.public,
        }
        if self.oidc is not None:
            values |= {
                "ACCORD_OIDC_ISSUER": self.oidc.issuer,
                "ACCORD_OIDC_CLIENT_ID": self.oidc.client_id,
                "ACCORD_OIDC_CLIENT_SECRET_FILE": self.oidc.secret_file,
            }
        if self.smtp is not None:
            values |= {
                "ACCORD_SMTP_HOST": self.smtp.host,
                "ACCORD_SMTP_PORT": self.smtp.port,
                "ACCORD_SMTP_SECURITY": self.smtp.security,
                "ACCORD_SMTP_FROM": self.smtp.sender,
                "ACCORD_SMTP_USER": self.smtp.user,
                "ACCORD_SMTP_PASSWORD_FILE": self.smtp.password_file,
            }
        return {name: str(value) for name, value in values.items() if value is not None}


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings.

    ACCORD_HOME: the one folder that everything is kept in; `.accord` beside this
        project, or in the present folder where Accord was installed without it. The
        deployment's key is there: processes on several machines need the same key file.
    ACCORD_DATABASE: a SQLAlchemy URL; a SQLite file in the home by default.
    ACCORD_TEMPORAL: host:port of a Temporal server of your own; by default Accord
        starts one (a development server that keeps everything in the home).
    ACCORD_…_PORT: 8470 for people, 8471 for Temporal, 8472 for Temporal's own page
        (in the example only), 8473 for the example gateway.
    ACCORD_NAMESPACE: Temporal's namespace. ACCORD_REGION: whose anniversary day is no
        working day, as the `holidays` package names regions (AUK, WGN, …).
    ACCORD_URL: the address that people open, where a proxy stands before the portal.
    ACCORD_OIDC_ISSUER, ACCORD_OIDC_CLIENT_ID: the OpenID Connect provider that people
        sign in at. ACCORD_OIDC_CLIENT_SECRET_FILE: where Accord's secret there is kept,
        if it has one. Its redirect address is ACCORD_URL/sign-in/provider/callback.
    ACCORD_SMTP_HOST, ACCORD_SMTP_FROM: the mail server, and the address that messages
        come from. ACCORD_SMTP_SECURITY: starttls (the default), tls, or none, which is
        taken on loopback only. ACCORD_SMTP_PORT: 587, 465 or 25 by default.
        ACCORD_SMTP_USER, ACCORD_SMTP_PASSWORD_FILE: where the server wants them.

    Raises:
        ValueError: a setting cannot be meant; the sentence names the variable.
    """
    root = Path(__file__).resolve().parent.parent
    beside = root if (root / "pyproject.toml").exists() else Path.cwd()
    home = Path(environment.get("ACCORD_HOME") or beside / ".accord").resolve()
    return Settings(
        home=home,
        database=environment.get("ACCORD_DATABASE") or f"sqlite:///{home / 'accord.db'}",
        temporal=environment.get("ACCORD_TEMPORAL") or None,
        temporal_port=_port(environment, "ACCORD_TEMPORAL_PORT", 8471),
        temporal_page_port=_port(environment, "ACCORD_TEMPORAL_PAGE_PORT", 8472),
        web_port=_port(environment, "ACCORD_WEB_PORT", 8470),
        gateway_port=_port(environment, "ACCORD_GATEWAY_PORT", 8473),
        namespace=environment.get("ACCORD_NAMESPACE") or "default",
        region=environment.get("ACCORD_REGION") or None,
        public=_public(environment),
        oidc=_oidc(environment),
        smtp=_smtp(environment),
    )


def is_safe(url: str) -> bool:
    """Whether what is said to `url` stays between the two: https, or this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise ValueError(f"{name} must be a port number from 1 to 65535, not {value!r}.")
    return int(value)


def _public(environment: Mapping[str, str]) -> str | None:
    value = (environment.get("ACCORD_URL") or "").rstrip("/")
    if not value:
        return None
    parts = urlsplit(value) if is_safe(value) else None
    if parts is None or parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError("ACCORD_URL must be an https address without a path.")
    # As browsers write an origin: it is compared with theirs.
    usual = ":443" if parts.scheme == "https" else ":80"
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"


def _oidc(environment: Mapping[str, str]) -> Oidc | None:
    issuer = environment.get("ACCORD_OIDC_ISSUER")
    if not issuer:
        return None
    if not is_safe(issuer):
        raise ValueError("ACCORD_OIDC_ISSUER must be an https address.")
    return Oidc(
        issuer,
        _needed(environment, "ACCORD_OIDC_CLIENT_ID", "ACCORD_OIDC_ISSUER"),
        _file(environment, "ACCORD_OIDC_CLIENT_SECRET_FILE"),
    )


def _smtp(environment: Mapping[str, str]) -> Smtp | None:
    host = environment.get("ACCORD_SMTP_HOST")
    if not host:
        return None
    security = environment.get("ACCORD_SMTP_SECURITY") or "starttls"
    ports = {"starttls": 587, "tls": 465, "none": 25}
    if security not in ports:
        raise ValueError("ACCORD_SMTP_SECURITY must be starttls, tls or none.")
    if security == "none" and host not in LOOPBACK:
        # Whoever reads a sign-in link on its way is one step from using it.
        raise ValueError("ACCORD_SMTP_SECURITY may be none for this very machine only.")
    return Smtp(
        host,
        _port(environment, "ACCORD_SMTP_PORT", ports[security]),
        security,
        _needed(environment, "ACCORD_SMTP_FROM", "ACCORD_SMTP_HOST"),
        environment.get("ACCORD_SMTP_USER") or None,
        _file(environment, "ACCORD_SMTP_PASSWORD_FILE"),
    )


def _needed(environment: Mapping[str, str], name: str, because: str) -> str:
    value = environment.get(name)
    if not value:
        raise ValueError(f"{name} is needed where {because} is set.")
    return value


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    value = environment.get(name)
    return Path(value).resolve() if value else None
