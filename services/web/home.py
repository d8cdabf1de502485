"""The one page of today: what anyone may read, in HTML that needs no script."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from services.path import Sight
from services.people import speaking
from services.queries import names, register
from services.store.schema import deployment
from services.web.pages import page
from services.web.signed import Built

router = APIRouter(include_in_schema=False)


@router.get("/", response_class=HTMLResponse)
async def home(accord: Built) -> HTMLResponse:
    """Who speaks here, which restrictions bodies show, and what came back."""
    shown = await accord.path.look(_shown)
    return page("home.html", **shown)


def _shown(sight: Sight) -> dict[str, Any]:
    called = names.of(sight.connection, sight.bodies)
    return {
        "invented": sight.connection.execute(sa.select(deployment.c.example)).scalar_one(),
        "bodies": sorted(called[body] for body in speaking(sight.bodies) if body in called),
        "restrictions": register.restriction_list(sight, None),
        "reports": register.reports(sight),
    }
