"""Settings, from the environment alone; every default is explained here.

`accord up` reads them once and gives them to everything it starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
"""Everything listens on loopback; a deployment puts its own proxy before it."""


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

    @property
    def temporal_address(self) -> str:
        """Where the Temporal server answers: one given in the settings, or our own."""
        return self.temporal or f"{HOST}:{self.temporal_port}"

    @property
    def url(self) -> str:
        """The address that people open."""
        return f"http://{HOST}:{self.web_port}"

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for the processes that `accord up` starts."""
        values = {
            "ACCORD_HOME": str(self.home),
            "ACCORD_DATABASE": self.database,
            "ACCORD_TEMPORAL": self.temporal_address,
            "ACCORD_TEMPORAL_PORT": str(self.temporal_port),
            "ACCORD_TEMPORAL_PAGE_PORT": str(self.temporal_page_port),
            "ACCORD_WEB_PORT": str(self.web_port),
            "ACCORD_GATEWAY_PORT": str(self.gateway_port),
            "ACCORD_NAMESPACE": self.namespace,
        }
        return values | ({"ACCORD_REGION": self.region} if self.region else {})


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings.

    ACCORD_HOME: the one folder that everything is kept in; `.accord` beside this
        project, or in the present folder where Accord was installed without it.
    ACCORD_DATABASE: a SQLAlchemy URL; a SQLite file in the home by default.
    ACCORD_TEMPORAL: host:port of a Temporal server of your own; by default Accord
        starts one (a development server that keeps everything in the home).
    ACCORD_…_PORT: 8470 for people, 8471 for Temporal, 8472 for Temporal's own page
        (in the example only), 8473 for the example gateway.
    ACCORD_NAMESPACE: Temporal's namespace. ACCORD_REGION: whose anniversary day is no
        working day, as the `holidays` package names regions (AUK, WGN, …).

    Raises:
        ValueError: a port is no number from 1 to 65535; the sentence names the variable.
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
    )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise ValueError(f"{name} must be a port number from 1 to 65535, not {value!r}.")
    return int(value)
