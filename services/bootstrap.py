"""The only place that builds clients: a process's store, rules, Temporal client and use cases."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.client import Client

from services.bodies import Bodies
from services.catalogue.claiming import Claims
from services.catalogue.confirming import Catalogue
from services.deciding import Deciding
from services.decisions import Decisions
from services.dispatcher import Dispatcher
from services.disputes import Disputes
from services.following import Following
from services.grants import Grants
from services.mailer import Mailer
from services.packs import Packs
from services.path import Path
from services.recorder import Recorder
from services.requests import Requests
from services.restrictions import Restrictions
from services.rulebook import Rulebook
from services.settings import Settings
from services.sharing import Sharing
from services.sign_in.keys import DeploymentKey
from services.sign_in.provider import Provider
from services.store.session import Store
from services.trying import Rules

CALLBACK = "/sign-in/provider/callback"
"""Where a sign-in provider sends browsers back to, below the address that people open."""


@dataclass(frozen=True)
class Accord:
    """Everything that a process of Accord works with."""

    settings: Settings
    store: Store
    rulebook: Rulebook
    following: Following
    recorder: Recorder
    dispatcher: Dispatcher
    path: Path
    requests: Requests
    deciding: Deciding
    disputes: Disputes
    grants: Grants
    restrictions: Restrictions
    bodies: Bodies
    packs: Packs
    rules: Rules
    sharing: Sharing
    catalogue: Catalogue
    claims: Claims
    decisions: Decisions
    temporal: Client | None
    key: DeploymentKey
    provider: Provider | None
    mailer: Mailer

    def close(self) -> None:
        """Finish what is being recorded, follow no more, and give the database back."""
        self.following.stop()
        self.decisions.close()
        self.store.close()


def build(settings: Settings, temporal: Client | None) -> Accord:
    """Wire a process. `temporal` is None where none is needed (imports, exports)."""
    store = Store(settings.database)
    rulebook = Rulebook()
    recorder = Recorder(store, rulebook)
    dispatcher = Dispatcher(temporal, recorder)
    path = Path(store, rulebook, dispatcher)
    key = DeploymentKey(settings.home)
    callback = settings.address + CALLBACK
    provider = Provider(settings.oidc, callback) if settings.oidc else None
    return Accord(
        settings,
        store,
        rulebook,
        Following(store, rulebook),
        recorder,
        dispatcher,
        path,
        Requests(path),
        Deciding(path),
        Disputes(path),
        Grants(path),
        Restrictions(path),
        Bodies(path),
        Packs(path),
        Rules(path),
        Sharing(path),
        Catalogue(path),
        Claims(path),
        Decisions(store, rulebook, recorder),
        temporal,
        key,
        provider,
        Mailer(store, settings, key),
    )


async def connect(settings: Settings) -> Client:
    """A Temporal client. It connects lazily, so that the portal can start, and say so,
    while Temporal is away."""
    return await Client.connect(settings.temporal_address, namespace=settings.namespace, lazy=True)
