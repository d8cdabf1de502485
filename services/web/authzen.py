"""AuthZEN's Authorization API 1.0 over HTTP, whoever decides behind it.

The format is OpenID's: ``api/authorization-api-1_0.md`` of openid/authzen, and, where that leaves
a choice, what its certification scenario asks. A refusal is an answer, and HTTP 200; only what
cannot be read, or a credential that is nobody's, is an error. Among several evaluations one that
cannot be read is answered no by itself. Fields that are not known here are ignored.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, StringConstraints, ValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from policies.refusals import Code, RefusedError
from services.web.errors import faulty_fields, field_names
from services.web.signed import NOBODY, PROBLEMS

MOST_EVALUATIONS = 100
"""How many evaluations one request may ask for; they are decided and recorded together."""

TRIES = 3
"""How often an answer that grew old on its way out is asked for anew."""

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=700, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]
Properties = dict[str, Any] | None
C = TypeVar("C")


class Subject(BaseModel):
    """Who would do it."""

    type: Name
    id: Name
    properties: Properties = None


class Action(BaseModel):
    """What they would do."""

    name: Name
    properties: Properties = None


class Resource(BaseModel):
    """With what."""

    type: Name
    id: Name
    properties: Properties = None


class Evaluation(BaseModel, Generic[C]):
    """May this subject do this, with this resource, in this context?"""

    subject: Subject
    action: Action
    resource: Resource
    context: C | None = None


class Semantic(StrEnum):
    """Which of several evaluations are answered."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"


STOP_AT = {
    Semantic.EXECUTE_ALL: None,
    Semantic.DENY_ON_FIRST_DENY: False,
    Semantic.PERMIT_ON_FIRST_PERMIT: True,
}
"""The decision after which no further evaluation is looked at."""


class Options(BaseModel):
    """How the evaluations are to be gone through."""

    evaluations_semantic: Semantic = Semantic.EXECUTE_ALL


class Evaluations(BaseModel):
    """Several evaluations. What stands beside them stands in for what one of them leaves out: a
    whole subject, action, resource or context, and of the first three also the `type`, `id` or
    `name`. Without evaluations, it is a single one itself."""

    subject: dict[str, Any] | None = None
    action: dict[str, Any] | None = None
    resource: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    evaluations: list[Any] | None = Field(default=None, max_length=MOST_EVALUATIONS)
    options: Options | None = None


class Decision(BaseModel):
    """The answer: yes or no, and whatever goes with it."""

    decision: bool
    context: dict[str, Any] | None = None


class Decisions(BaseModel):
    """The answers, in the order of the evaluations."""

    evaluations: list[Decision]


@dataclass(frozen=True)
class Unreadable:
    """One of several evaluations that cannot be read, and why in a sentence without a word of what
    was sent. Its answer is no."""

    because: str


@dataclass(frozen=True)
class Answers:
    """Answers in the order of what was asked. `may_leave` is asked at the moment at which they
    are handed to the server, and tells whether they still stand."""

    decisions: Sequence[Decision]
    may_leave: Callable[[], bool]


class DecisionPoint(Protocol[C]):
    """Answers one gateway."""

    async def evaluate(
        self, asked: "Sequence[Evaluation[C] | Unreadable]", stop_at: bool | None
    ) -> Answers:
        """Answer in order, and no further than the first decision that equals `stop_at`.

        Raises:
            RefusedError: there is no answer at present.
        """
        ...


class Entrance(Protocol):
    """Lets gateways in. An app has it as ``app.state.entrance``."""

    @property
    def address(self) -> str:
        """The decision point's own URL, without a slash at its end."""
        ...

    async def admit(self, credential: str) -> DecisionPoint[Any]:
        """The decision point for whoever has this credential. Raises RefusedError for nobody's."""
        ...


_credential = HTTPBearer(
    auto_error=False, description="A gateway's credential.", scheme_name="gateway"
)


async def decision_point(
    request: Request,
    credential: Annotated[HTTPAuthorizationCredentials | None, Depends(_credential)],
) -> DecisionPoint[Any]:
    """The decision point as the gateway that asks has it; a credential that is nobody's is 401,
    and content of another kind than JSON 400."""
    if credential is None:
        raise NOBODY
    entrance: Entrance = request.app.state.entrance
    try:
        point = await entrance.admit(credential.credentials)
    except RefusedError as error:
        raise NOBODY from error
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(400)
    return point


Point = Annotated[DecisionPoint[Any], Depends(decision_point)]


class Leaving(Response):
    """Asks, and hands the answers to the server only while they still stand.

    However long this process was kept from going on in between, an answer that has grown old is
    asked for anew; when that happens `TRIES` times, there is no answer, which a gateway takes for
    a no. Between the last look and the server nothing is waited for; how long a network then
    takes, or a gateway that does not read, is what an answer's `valid_until` bounds.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[Answers]], write: Callable[[list[Any]], Any]
    ) -> None:
        """`write` makes the body of the decisions, each as plain JSON."""
        super().__init__()
        self._ask = ask
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and answer. Raises RefusedError as unavailable."""
        for _ in range(TRIES):
            answers = await self._ask()
            plain = [each.model_dump(exclude_none=True) for each in answers.decisions]
            answer = JSONResponse(self._write(plain), headers={"Cache-Control": "no-store"})
            if answers.may_leave():
                await answer(scope, receive, send)
                return
        raise RefusedError(Code.UNAVAILABLE)


def router(question: type[Evaluation[Any]]) -> APIRouter:
    """The endpoints of a decision point whose questions have the shape `question`."""
    made = APIRouter(tags=["decision point"], responses=PROBLEMS)

    @made.post("/access/v1/evaluation", response_model=Decision)
    async def evaluation(asked: question, point: Point) -> Response:  # type: ignore[valid-type]
        """Ask at the moment of use. The answer is recorded before it leaves. An `X-Request-ID` of
        the gateway's own comes back with it."""
        return _single(point, asked)

    @made.post("/access/v1/evaluations", response_model=Decision | Decisions)
    async def evaluations(asked: Evaluations, point: Point, request: Request) -> Response:
        """Ask several things at once, in order; each is answered for itself. `options` may say
        that the first no, or the first yes, is the last answer."""
        whole = asked.model_dump(include={"subject", "action", "resource", "context"})
        defaults = {name: value for name, value in whole.items() if value is not None}
        if not asked.evaluations:
            return _single(point, _one(question, defaults))
        known = field_names(request.app)
        several = [_among(question, each, defaults, known) for each in asked.evaluations]
        stop_at = STOP_AT[(asked.options or Options()).evaluations_semantic]
        return Leaving(
            lambda: point.evaluate(several, stop_at), lambda answers: {"evaluations": answers}
        )

    @made.get("/.well-known/authzen-configuration")
    async def configuration(request: Request, response: Response) -> dict[str, str]:
        """Where the decision point is, as AuthZEN's metadata says it."""
        response.headers["Cache-Control"] = "max-age=300"
        base = request.app.state.entrance.address
        return {
            "policy_decision_point": base,
            "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
        }

    return made


def _single(point: DecisionPoint[Any], asked: Evaluation[Any]) -> Response:
    return Leaving(lambda: point.evaluate([asked], None), lambda answers: answers[0])


def _one(question: type[Evaluation[Any]], sent: Any) -> Evaluation[Any]:
    try:
        return question.model_validate(sent)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise RequestValidationError(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
        ) from error


def _among(
    question: type[Evaluation[Any]], sent: Any, defaults: dict[str, Any], known: frozenset[str]
) -> Evaluation[Any] | Unreadable:
    """One of several, with what it leaves out taken from `defaults`."""
    try:
        return _one(question, _filled(sent, defaults))
    except RequestValidationError as error:
        first = faulty_fields(error.errors(), known)[0]
        return Unreadable(f"{first['field']}: {first['sentence']}".removeprefix(": "))


_NEEDED = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}


def _filled(sent: Any, defaults: dict[str, Any]) -> Any:
    """What one evaluation says stands whole in place of a default; only of what it must have and
    does not say is the default's taken. Properties are never mixed."""
    if not isinstance(sent, dict):
        return sent
    filled = {**defaults, **sent}
    for name, needed in _NEEDED.items():
        own, default = sent.get(name), defaults.get(name)
        if isinstance(own, dict) and default is not None:
            filled[name] = {**{key: default[key] for key in needed if key in default}, **own}
    return filled
