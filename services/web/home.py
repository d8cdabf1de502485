"""The one page of today: what anyone may read, in HTML that needs no script."""

from __future__ import annotations

from typing import Any

import jinja2
import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from policies.body import DEPLOYMENT
from services.path import Sight
from services.queries import names, register
from services.store.schema import deployment
from services.web.signed import Built

router = APIRouter(include_in_schema=False)

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("services.web"), autoescape=True, undefined=jinja2.StrictUndefined
)
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


@router.get("/", response_class=HTMLResponse)
async def home(accord: Built) -> HTMLResponse:
    """Who speaks here, which restrictions bodies show, and what came back."""
    shown = await accord.path.look(_shown)
    return HTMLResponse(_PAGES.get_template("home.html").render(**shown), headers=_HEADERS)


def _shown(sight: Sight) -> dict[str, Any]:
    called = names.of(sight.connection, sight.bodies)
    return {
        "invented": sight.connection.execute(sa.select(deployment.c.example)).scalar_one(),
        "bodies": sorted(name for body, name in called.items() if body != DEPLOYMENT),
        "restrictions": register.restriction_list(sight, None),
        "reports": register.reports(sight),
    }
