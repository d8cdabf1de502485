"""The only place that builds clients: a process's store, rules, Temporal client and use cases."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.client import Client

from services.bodies import Bodies
from services.catalogue.confirming import Catalogue
from services.decisions import Decisions
from services.dispatcher import Dispatcher
from services.grants import Grants
from services.path import Path
from services.recorder import Recorder
from services.requests import Requests
from services.restrictions import Restrictions
from services.rulebook import Rulebook
from services.settings import Settings
from services.store.session import Store


@dataclass(frozen=True)
class Accord:
    """Everything that a process of Accord works with."""

    settings: Settings
    store: Store
    rulebook: Rulebook
    recorder: Recorder
    dispatcher: Dispatcher
    path: Path
    requests: Requests
    grants: Grants
    restrictions: Restrictions
    bodies: Bodies
    catalogue: Catalogue
    decisions: Decisions
    temporal: Client | None


def build(settings: Settings, temporal: Client | None) -> Accord:
    """Wire a process. `temporal` is None where none is needed (imports, exports)."""
    store = Store(settings.database)
    rulebook = Rulebook()
    recorder = Recorder(store, rulebook)
    dispatcher = Dispatcher(temporal, recorder)
    path = Path(store, rulebook, dispatcher)
    return Accord(
        settings, store, rulebook, recorder, dispatcher, path, Requests(path), Grants(path),
        Restrictions(path), Bodies(path), Catalogue(path), Decisions(store, rulebook, recorder),
        temporal,
    )  # fmt: skip


async def connect(settings: Settings) -> Client:
    """A Temporal client. It connects lazily, so that the portal can start, and say so,
    while Temporal is away."""
    return await Client.connect(settings.temporal_address, namespace=settings.namespace, lazy=True)
