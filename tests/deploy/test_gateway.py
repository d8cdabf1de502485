"""The example gateway as a real process, against a decision point that the tests control.

The stand-in decision point speaks the wire that Accord speaks; it is the seam between
the two, and what is held here about questions and answers holds for both.
"""

import csv
import http.client
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "example"
GATEWAY = EXAMPLE / "gateway.py"
VISITS = "example_survey.people.clinic_visits"
GENOME = "example_genome.assembly.sequence"
CREDENTIAL = "gateway-credential-1"
TOKEN = "researcher-token-1"
PERSON = "person-00000000-0000-4000-8000-000000000001"
RIVER, HILL = "example-river-people", "example-hill-people"
ISLAND_A, ISLAND_B = "example-island-a-people", "example-island-b-people"
NEWCOMER = "example-newcomer-people"
PEOPLES = [RIVER, HILL, ISLAND_A, ISLAND_B, NEWCOMER]

Reply = tuple[int, Any]


def a_slice(**changes: Any) -> dict[str, Any]:
    whole = {"peoples": "any", "places": "any", "years": "any", "level": "identifiable"}
    return {**whole, **changes}


def a_yes(seconds: float = 3600, **changes: Any) -> Reply:
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    context = {
        "obligations": [{"id": "slice/1", "slice": a_slice(**changes)}],
        "valid_until": until,
        "reason_user": {"200": "Agreed by those who decide."},
        "reasons": [],
    }
    return 200, {"decision": True, "context": context}


def a_no(code: str = "not_permitted_now", sentence: str = "Kāore i tēnei wā: not now.") -> Reply:
    return 200, {"decision": False, "context": {"code": code, "reason_user": {"403": sentence}}}


class DecisionPoint(ThreadingHTTPServer):
    """What Accord would say, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.reset()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self) -> None:
        self.me: Reply = (200, {"person": PERSON, "name": "Nobody in particular"})
        self.answer: Callable[[dict[str, Any]], Reply] = lambda question: a_yes()
        self.heard: list[tuple[str, str, dict[str, str], Any]] = []

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [body for method, _, _, body in self.heard if method == "POST"]

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Asked(BaseHTTPRequestHandler):
    server: DecisionPoint

    def do_GET(self) -> None:
        self.reply("GET", None)

    def do_POST(self) -> None:
        self.reply("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def reply(self, method: str, body: Any) -> None:
        self.server.heard.append((method, self.path, dict(self.headers), body))
        if method == "GET":
            status, answer = self.server.me if self.path == "/v1/me" else (404, {})
        else:
            right = self.path == "/access/v1/evaluation"
            status, answer = self.server.answer(body) if right else (404, {})
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Running:
    """One gateway process."""

    def __init__(self, log: Path, accord: str, *arguments: str) -> None:
        self.log = log
        command = [sys.executable, "-P", str(GATEWAY), "--port", "0", "--accord", accord]
        environment = {**os.environ, "ACCORD_GATEWAY_CREDENTIAL": CREDENTIAL}
        with log.open("w") as stream:
            self.process = subprocess.Popen(
                [*command, *arguments],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, log.read_text()
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def open(self, path: str, token: str | None = TOKEN) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def get(self, path: str, token: str | None = TOKEN) -> tuple[int, str]:
        with self.open(path, token) as response:
            return response.status, response.read().decode()

    def item(self, item: str = VISITS, more: str = "") -> list[list[str]]:
        status, content = self.get(f"/items/{item}?purpose=example-purpose{more}")
        assert status == 200, content
        return list(csv.reader(io.StringIO(content), strict=True))

    def problem(self, path: str, token: str | None = TOKEN) -> dict[str, Any]:
        with self.open(path, token) as response:
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.headers["Cache-Control"] == "no-store"
            problem: dict[str, Any] = json.load(response)
            assert problem["status"] == response.status
        assert len(problem["detail"].split()) <= 25
        return problem


@pytest.fixture(scope="module")
def _decision_point() -> Iterator[DecisionPoint]:
    server = DecisionPoint()
    yield server
    server.close()


@pytest.fixture
def accord(_decision_point: DecisionPoint) -> DecisionPoint:
    _decision_point.reset()
    return _decision_point


def address(server: DecisionPoint) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def gateway(
    _decision_point: DecisionPoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One with the defaults, for all tests that need no other."""
    running = Running(tmp_path_factory.mktemp("gateway") / "log", address(_decision_point))
    yield running
    running.stop()


Start = Callable[..., Running]


@pytest.fixture
def start(accord: DecisionPoint, tmp_path: Path) -> Iterator[Start]:
    """Start one with arguments of its own."""
    started: list[Running] = []

    def run(*arguments: str, at: str | None = None) -> Running:
        log = tmp_path / f"log-{len(started)}"
        started.append(Running(log, at or address(accord), *arguments))
        return started[-1]

    yield run
    for each in started:
        each.stop()


def survey() -> list[dict[str, str]]:
    with (EXAMPLE / "survey.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def known(record: dict[str, str]) -> bool:
    return record["peoples"] not in ("", "unknown")


PATH = f"/items/{VISITS}?purpose=example-purpose"


# What is asked


def test_the_question_is_authzen_with_what_the_gateway_can_apply(
    accord: DecisionPoint, gateway: Running
) -> None:
    gateway.item()
    me, question = accord.heard
    assert me[:2] == ("GET", "/v1/me")
    assert me[2]["Authorization"] == f"Bearer {TOKEN}"
    method, path, headers, body = question
    assert (method, path) == ("POST", "/access/v1/evaluation")
    assert headers["Authorization"] == f"Bearer {CREDENTIAL}"
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "subject": {"type": "person", "id": PERSON},
        "action": {"name": "use.read"},
        "resource": {"type": "item", "id": VISITS},
        "context": {"purpose": "example-purpose", "obligations_supported": ["slice/1"]},
    }


def test_each_question_has_a_fresh_request_id(accord: DecisionPoint, gateway: Running) -> None:
    for _ in range(3):
        gateway.item()
    ids = [headers["X-Request-ID"] for _, _, headers, _ in accord.heard]
    assert len(set(ids)) == len(ids) == 6


def test_a_coarser_level_is_asked_for_within_the_slice(
    accord: DecisionPoint, gateway: Running
) -> None:
    def answer(question: dict[str, Any]) -> Reply:
        narrower = question["context"].get("slice", {"level": "identifiable"})
        return a_yes(peoples=[HILL, RIVER], years=[2020, 2019], level=narrower["level"])

    accord.answer = answer
    assert gateway.item(more="&level=deidentified")[0][0] == "peoples"
    first, second = accord.questions
    assert "slice" not in first["context"]
    assert second["context"]["slice"] == {
        "peoples": [HILL, RIVER],
        "places": "any",
        "years": [2019, 2020],
        "level": "deidentified",
    }


def test_a_finer_answer_than_was_asked_for_is_not_used(
    accord: DecisionPoint, gateway: Running
) -> None:
    assert gateway.problem(f"{PATH}&level=aggregate")["status"] == 503


# What a slice lets through


def test_identifiable_rows_are_exactly_the_slice(accord: DecisionPoint, gateway: Running) -> None:
    peoples = {RIVER, ISLAND_A, NEWCOMER}
    places = {"example-river-valley", "example-harbour-town"}
    years = {2019, 2021}
    accord.answer = lambda question: a_yes(
        peoples=sorted(peoples), places=sorted(places), years=sorted(years)
    )
    header, *rows = gateway.item()
    assert header == ["record", "peoples", "place", "year", "clinic_visits"]
    expected = [
        [each["record"], each["peoples"], each["place"], each["year"], each["clinic_visits"]]
        for each in survey()
        if set(each["peoples"].split(";")) <= peoples
        and each["place"] in places
        and int(each["year"]) in years
    ]
    assert rows == expected
    assert any(";" in row[1] for row in rows)


@pytest.mark.parametrize("level", ["identifiable", "deidentified"])
@pytest.mark.parametrize("declined", PEOPLES)
def test_no_record_of_a_people_that_declined_comes_through(
    accord: DecisionPoint, gateway: Running, declined: str, level: str
) -> None:
    left = [each for each in PEOPLES if each != declined]
    accord.answer = lambda question: a_yes(peoples=left, level=level)
    header, *rows = gateway.item()
    column = header.index("peoples")
    found = Counter(row[column] for row in rows)
    assert not [each for each in found if declined in each]
    assert found == Counter(
        each["peoples"] for each in survey() if known(each) and declined not in each["peoples"]
    )


def test_an_unknown_affiliation_never_matches_even_any(
    accord: DecisionPoint, gateway: Running
) -> None:
    _, *rows = gateway.item()
    assert len(rows) == 920
    assert [row[0] for row in rows] == [each["record"] for each in survey() if known(each)]


def test_odd_records_never_match(accord: DecisionPoint, start: Start, tmp_path: Path) -> None:
    columns = "record,peoples,place,year,birth_year,clinic_visits,language_at_home,income_band"
    rest = "1980,1,example-common-language,20k-to-40k"
    odd = [
        f"E2,{RIVER};unknown,example-river-valley,2020,{rest}",
        f"E3,{RIVER};,example-river-valley,2020,{rest}",
        f"E4,;{RIVER},example-river-valley,2020,{rest}",
        f"E5, ,example-river-valley,2020,{rest}",
        f"E6, unknown ,example-river-valley,2020,{rest}",
        f"E7,{RIVER};{ISLAND_B},example-river-valley,2020,{rest}",
        f"E8,{RIVER},,2020,{rest}",
        f"E9,{RIVER},unknown,2020,{rest}",
        f"E10,{RIVER},example-river-valley,,{rest}",
        f"E11,{RIVER},example-river-valley,soon,{rest}",
        f"E12,{RIVER},example-river-valley,2020,{rest},more",
        f"E13,{RIVER},example-river-valley",
        f"E14,{RIVER.upper()},example-river-valley,2020,{rest}",
    ]
    sound = f"E1,{RIVER}; {HILL},example-river-valley,2020,{rest}"
    text = "\n".join([columns, *odd, sound, ""])
    (tmp_path / "survey.csv").write_text(text, encoding="utf-8")
    running = start("--data", str(tmp_path))
    accord.answer = lambda question: a_yes(peoples=[RIVER, HILL])
    assert [row[0] for row in running.item()[1:]] == ["E1"]


def test_an_empty_slice_gives_a_header_alone(accord: DecisionPoint, gateway: Running) -> None:
    accord.answer = lambda question: a_yes(peoples=[])
    assert len(gateway.item()) == 1


def test_deidentified_rows_have_no_number_and_no_order_to_join_by(
    accord: DecisionPoint, gateway: Running
) -> None:
    accord.answer = lambda question: a_yes(level="deidentified")
    header, *rows = gateway.item()
    assert header == ["peoples", "place", "year", "clinic_visits"]
    assert rows == sorted([each[name] for name in header] for each in survey() if known(each))


@pytest.mark.parametrize(
    "variable", ["clinic_visits", "language_at_home", "income_band", "birth_year"]
)
def test_aggregates_hide_small_cells_and_give_no_totals(
    accord: DecisionPoint, gateway: Running, variable: str
) -> None:
    accord.answer = lambda question: a_yes(peoples=[RIVER, HILL, ISLAND_B], level="aggregate")
    header, *rows = gateway.item(f"example_survey.people.{variable}")
    assert header == ["place", "year", f"{variable}_band", "count"]
    shown = [row for row in rows if row[3] != "<6"]
    hidden = [row for row in rows if row[3] == "<6"]
    assert shown
    assert hidden
    assert min(int(row[3]) for row in shown) >= 6
    inside = [
        each for each in survey() if set(each["peoples"].split(";")) <= {RIVER, HILL, ISLAND_B}
    ]
    assert len({tuple(row[:3]) for row in rows}) == len(rows)
    assert {row[0] for row in rows} <= {each["place"] for each in inside}
    assert sum(int(row[3]) for row in shown) < len(inside)
    for place, year, value, count in rows:
        here = [each for each in inside if (each["place"], each["year"]) == (place, year)]
        true = sum(in_band(variable, each[variable], value) for each in here)
        assert count == (str(true) if true >= 6 else "<6")


def in_band(variable: str, value: str, label: str) -> bool:
    if variable == "birth_year":
        return f"{int(value) // 10 * 10}s" == label
    if variable == "clinic_visits":
        low, _, high = label.replace("+", "-99").partition("-")
        return int(low) <= int(value) <= int(high or low)
    return value == label


def test_a_label_that_few_share_is_left_out(
    accord: DecisionPoint, start: Start, tmp_path: Path
) -> None:
    columns = "record,peoples,place,year,birth_year,clinic_visits,language_at_home,income_band"
    many = [f"E{n},{RIVER},example-river-valley,2020,1980,1,common,a" for n in range(10)]
    few = [f"E{n},{RIVER},example-river-valley,2020,1980,1,rare,a" for n in range(10, 15)]
    (tmp_path / "survey.csv").write_text("\n".join([columns, *many, *few, ""]), encoding="utf-8")
    accord.answer = lambda question: a_yes(level="aggregate")
    rows = start("--data", str(tmp_path)).item("example_survey.people.language_at_home")
    assert rows[1:] == [["example-river-valley", "2020", "common", "10"]]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"places": ["example-river-valley", "example-hill-country"]}, 200),
        ({"level": "deidentified"}, 200),
        ({"places": ["example-hill-country"]}, 403),
        ({"places": []}, 403),
        ({"level": "aggregate"}, 403),
    ],
)
def test_the_genome_is_served_whole_or_not_at_all(
    accord: DecisionPoint, gateway: Running, changes: dict[str, Any], status: int
) -> None:
    accord.answer = lambda question: a_yes(**changes)
    found, content = gateway.get(f"/items/{GENOME}?purpose=example-purpose")
    assert found == status
    whole = (EXAMPLE / "genome.fasta").read_text(encoding="utf-8")
    assert (content == whole) == (status == 200)
    assert status == 200 or "ACGT" not in content


# What is refused


def test_a_no_is_told_in_accords_words(accord: DecisionPoint, gateway: Running) -> None:
    accord.answer = lambda question: a_no()
    problem = gateway.problem(PATH)
    assert problem == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "Kāore i tēnei wā: not now.",
        "code": "not_permitted_now",
    }


@pytest.mark.parametrize(
    "answer",
    [
        {"decision": False},
        {"decision": False, "context": None},
        {"decision": False, "context": {"reason_user": "no", "code": 7}},
        {"decision": False, "context": {"reason_user": {"403": "\ud800"}}},
    ],
)
def test_a_no_without_words_is_still_a_no(
    accord: DecisionPoint, gateway: Running, answer: dict[str, Any]
) -> None:
    accord.answer = lambda question: (200, answer)
    assert gateway.problem(PATH)["status"] == 403


def changed(**changes: Any) -> dict[str, Any]:
    """A yes with its context changed; a change to None takes the member out."""
    answer = a_yes()[1]
    context = {**answer["context"], **changes}
    return {**answer, "context": {key: each for key, each in context.items() if each is not None}}


def sliced(**changes: Any) -> dict[str, Any]:
    return changed(obligations=[{"id": "slice/1", "slice": a_slice(**changes)}])


ONE = {"id": "slice/1", "slice": a_slice()}
TWO = {"id": "watermark/1"}


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"not JSON"),
        (200, b""),
        (200, b"[" * 100_000),
        (200, b"\xff\xfe"),
        (200, []),
        (200, None),
        (200, {}),
        (200, {"decision": "true"}),
        (200, {"decision": 1}),
        (200, {**a_yes()[1], "decision": "yes"}),
        (200, {"decision": True}),
        (200, {"decision": True, "context": None}),
        (200, {"decision": True, "context": []}),
        (200, changed(obligations=None)),
        (200, changed(obligations=[])),
        (200, changed(obligations="slice/1")),
        (200, changed(obligations=["slice/1"])),
        (200, changed(obligations=[ONE, ONE])),
        (200, changed(obligations=[ONE, TWO])),
        (200, changed(obligations=[TWO])),
        (200, changed(obligations=[{"id": "slice/2", "slice": a_slice()}])),
        (200, changed(obligations=[{"id": ["slice/1"], "slice": a_slice()}])),
        (200, changed(obligations=[{"id": "slice/1"}])),
        (200, changed(obligations=[{**ONE, "blur": True}])),
        (200, changed(valid_until=None)),
        (200, changed(valid_until="tomorrow")),
        (200, changed(valid_until=4_000_000_000)),
        (200, changed(valid_until="2999-01-01T00:00:00")),
        (200, changed(valid_until="2020-01-01T00:00:00Z")),
        (200, sliced(level="raw")),
        (200, sliced(level=None)),
        (200, sliced(level=["identifiable"])),
        (200, sliced(peoples=None)),
        (200, sliced(peoples="example-river-people")),
        (200, sliced(peoples=[RIVER, 7])),
        (200, sliced(places={"example-river-valley": True})),
        (200, sliced(years=["2020"])),
        (200, sliced(years=[True])),
        (200, sliced(genders=["any"])),
        (201, a_yes()[1]),
        (302, a_yes()[1]),
        (400, a_yes()[1]),
        (401, a_yes()[1]),
        (500, a_yes()[1]),
    ],
    ids=lambda answer: f"{answer[0]}-{str(answer[1])[:60]}",
)
def test_an_answer_that_cannot_be_applied_serves_nothing(
    accord: DecisionPoint, gateway: Running, answer: Reply
) -> None:
    accord.answer = lambda question: answer
    problem = gateway.problem(PATH)
    assert (problem["status"], problem["code"]) == (503, "unavailable")
    # A redirect is not followed: it would carry the credential to wherever it leads.
    assert [path for _, path, _, _ in accord.heard] == ["/v1/me", "/access/v1/evaluation"]


def test_without_the_slice_obligation_a_no_is_passed_on_and_a_yes_not_used(
    accord: DecisionPoint, start: Start
) -> None:
    running = start("--obligations", "")
    accord.answer = lambda question: a_no("obligation_unsupported", "Apply slices first.")
    assert running.problem(PATH)["code"] == "obligation_unsupported"
    assert accord.questions[0]["context"]["obligations_supported"] == []
    accord.answer = lambda question: a_yes()
    assert running.problem(PATH)["status"] == 503


def test_a_decision_point_that_is_down_serves_nothing(start: Start) -> None:
    gone = DecisionPoint()
    gone.close()
    running = start(at=address(gone))
    assert running.problem(PATH)["status"] == 503
    assert running.get("/health", None)[0] == 200


@pytest.mark.parametrize(
    ("me", "status"),
    [
        ((401, {"title": "Unauthorized"}), 401),
        ((401, b"no"), 401),
        ((403, {"person": PERSON}), 503),
        ((500, {"person": PERSON}), 503),
        ((302, {"person": PERSON}), 503),
        ((200, {}), 503),
        ((200, {"person": None}), 503),
        ((200, {"person": ""}), 503),
        ((200, [PERSON]), 503),
        ((200, b"?"), 503),
    ],
)
def test_who_is_not_known_is_not_served(
    accord: DecisionPoint, gateway: Running, me: Reply, status: int
) -> None:
    accord.me = me
    assert gateway.problem(PATH)["status"] == status
    assert accord.questions == []


@pytest.mark.parametrize("token", [None, "", "two words", "mā", "a,b"])
def test_a_token_is_needed(accord: DecisionPoint, gateway: Running, token: str | None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    connection.request("GET", PATH, headers=headers)
    with connection.getresponse() as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
    assert accord.heard == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/items/",
        "/items/survey.csv?purpose=p",
        "/items/../survey.csv?purpose=p",
        "/items/..%2fsurvey.csv?purpose=p",
        "/items/%2e%2e%2f%2e%2e%2f%2e%2e%2fpyproject.toml?purpose=p",
        f"/items/../items/{VISITS}?purpose=p",
        f"/items/{VISITS}/?purpose=p",
        f"/items/{VISITS}%00?purpose=p",
        "/items/example_survey.people.record?purpose=p",
        "/items/example_survey.people.peoples?purpose=p",
        f"//items/{VISITS}?purpose=p",
        f"/ITEMS/{VISITS}?purpose=p",
    ],
)
def test_only_known_items_are_looked_up(accord: DecisionPoint, gateway: Running, path: str) -> None:
    if path.startswith("//"):
        # Two slashes at the start are read as one; it stays a question to Accord.
        accord.answer = lambda question: a_no()
        assert gateway.problem(path)["status"] == 403
        return
    assert gateway.problem(path)["status"] == 404
    assert accord.heard == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?purpose=",
        "?purpose=a&purpose=b",
        "?level=aggregate",
        "?purpose=a&level=raw",
        "?purpose=a&level=",
        "?purpose=a&level=aggregate&level=identifiable",
        "?purpose=a&peoples=any",
        "?purpose=%ff",
        "?" + "&".join(f"purpose={n}" for n in range(50)),
    ],
)
def test_parameters_are_read_strictly(accord: DecisionPoint, gateway: Running, query: str) -> None:
    assert gateway.problem(f"/items/{VISITS}{query}")["status"] == 400
    assert accord.heard == []


def test_what_http_itself_refuses_is_told_as_a_problem(gateway: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", PATH, b"{}")
    with connection.getresponse() as response:
        assert response.status == 501
        assert response.headers["Content-Type"] == "application/problem+json"
        assert json.load(response)["code"] == "invalid"


def test_a_client_without_chunks_is_refused(accord: DecisionPoint, gateway: Running) -> None:
    class Old(http.client.HTTPConnection):
        _http_vsn = 10
        _http_vsn_str = "HTTP/1.0"

    connection = Old("127.0.0.1", gateway.port, timeout=20)
    connection.request("GET", PATH, headers={"Authorization": f"Bearer {TOKEN}"})
    with connection.getresponse() as response:
        assert response.status == 505
    assert accord.heard == []


def test_data_that_is_missing_serves_nothing(start: Start, tmp_path: Path) -> None:
    running = start("--data", str(tmp_path))
    assert running.problem(PATH)["status"] == 503
    assert running.problem(f"/items/{GENOME}?purpose=p")["status"] == 503
    (tmp_path / "survey.csv").write_bytes(b"record,year\nE1,2020\n\xff\n")
    assert running.problem(PATH)["status"] == 503


# A download in progress


class Download:
    """Reads in the background, and notes when the last line came and how it ended."""

    def __init__(self, running: Running) -> None:
        self.response = running.open(PATH)
        assert self.response.status == 200
        self.lines = 0
        self.last = time.monotonic()
        self.complete: bool | None = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            while self.response.readline():
                self.lines += 1
                self.last = time.monotonic()
            # `readline` hides an early end; asking for more tells it.
            self.response.read()
            self.complete = self.response.chunk_left is None
        except (http.client.HTTPException, OSError):
            self.complete = False

    def reached(self, lines: int) -> None:
        until = time.monotonic() + 10
        while self.lines < lines:
            assert time.monotonic() < until, f"only {self.lines} lines came"
            time.sleep(0.02)

    def ended(self, within: float) -> float:
        began = time.monotonic()
        self.thread.join(within)
        assert not self.thread.is_alive(), "the download goes on"
        return time.monotonic() - began


def test_a_download_asks_again_every_second_and_completes(
    accord: DecisionPoint, start: Start, tmp_path: Path
) -> None:
    lines = (EXAMPLE / "survey.csv").read_text(encoding="utf-8").splitlines()[:61]
    (tmp_path / "survey.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    running = start("--rows-per-second", "15", "--data", str(tmp_path))
    began = time.monotonic()
    rows = running.item()
    taken = time.monotonic() - began
    assert len(rows) > 50
    assert taken > 3
    assert 0.7 * taken <= len(accord.questions) <= taken + 2
    assert all(each == accord.questions[0] for each in accord.questions)
    again = Download(running)
    again.ended(10)
    assert again.complete is True
    assert again.lines == len(rows)


@pytest.mark.parametrize(
    "answer",
    [
        lambda question: a_no(),
        lambda question: (500, {}),
        lambda question: (200, b"?"),
        lambda question: a_yes(peoples=[RIVER]),
        lambda question: a_yes(level="aggregate"),
        lambda question: a_yes(seconds=-1),
    ],
    ids=["no", "error", "unreadable", "narrower", "coarser", "run-out"],
)
def test_a_download_is_stopped_within_two_seconds(
    accord: DecisionPoint, start: Start, answer: Callable[[dict[str, Any]], Reply]
) -> None:
    running = start("--rows-per-second", "50")
    download = Download(running)
    download.reached(10)
    accord.answer = answer
    assert download.ended(10) < 2
    assert download.complete is False
    assert 10 <= download.lines < 200
    assert "stopped:" in running.log.read_text()


def test_a_download_stops_when_the_decision_point_goes_away(start: Start) -> None:
    gone = DecisionPoint()
    download = Download(start("--rows-per-second", "50", at=address(gone)))
    download.reached(10)
    gone.close()
    assert download.ended(10) < 2
    assert download.complete is False


def test_a_decision_point_that_hangs_holds_the_download(
    accord: DecisionPoint, start: Start
) -> None:
    download = Download(start("--rows-per-second", "50"))
    download.reached(10)
    release = threading.Event()

    def hang(question: dict[str, Any]) -> Reply:
        release.wait(20)
        return a_yes()

    accord.answer = hang
    changed_at = time.monotonic()
    try:
        download.ended(15)
    finally:
        release.set()
    assert download.complete is False
    # Nothing is sent while the question is open.
    assert download.last - changed_at < 2


def test_a_slow_download_is_stopped_as_soon(accord: DecisionPoint, start: Start) -> None:
    download = Download(start("--rows-per-second", "0.01"))
    download.reached(1)
    accord.answer = lambda question: a_no()
    assert download.ended(10) < 2
    assert download.complete is False


def test_a_yes_that_runs_out_early_is_asked_for_again(accord: DecisionPoint, start: Start) -> None:
    accord.answer = lambda question: a_yes(seconds=0.3)
    download = Download(start("--rows-per-second", "50"))
    download.reached(40)
    assert len(accord.questions) >= 3
    accord.answer = lambda question: a_no()
    assert download.ended(10) < 1.2


def test_a_client_that_leaves_ends_the_questions(accord: DecisionPoint, start: Start) -> None:
    running = start("--rows-per-second", "50")
    with running.open(PATH) as response:
        response.readline()
    until = time.monotonic() + 10
    while "client_gone" not in running.log.read_text():
        assert time.monotonic() < until
        time.sleep(0.05)


# The process


def test_the_log_holds_ids_alone(accord: DecisionPoint, start: Start) -> None:
    running = start()
    running.get(f"/items/{VISITS}?purpose=secret-purpose")
    accord.me = (200, {"person": "person-1\nforged line", "name": "Nobody in particular"})
    accord.answer = lambda question: a_no("forged\ncode")
    running.get(f"/items/{VISITS}?purpose=secret-purpose")
    running.get("/items/secret-item?purpose=secret-purpose")
    running.stop()
    lines = running.log.read_text().splitlines()
    assert len(lines) == 3
    assert f"200 complete {PERSON} {VISITS} lines=921" in lines[0]
    assert "403 forged?code person-1?forged?line" in lines[1]
    for secret in ("secret", TOKEN, CREDENTIAL, "Nobody"):
        assert secret not in "".join(lines)


def test_it_says_that_it_lives(accord: DecisionPoint, gateway: Running) -> None:
    status, content = gateway.get("/health", None)
    assert (status, json.loads(content)) == (200, {"status": "ok"})
    assert accord.heard == []


@pytest.mark.parametrize(
    ("credential", "arguments"),
    [
        (None, ["--accord", "http://127.0.0.1:1"]),
        ("two words", ["--accord", "http://127.0.0.1:1"]),
        (CREDENTIAL, ["--accord", "ftp://127.0.0.1:1"]),
        (CREDENTIAL, ["--accord", "http://127.0.0.1:1", "--obligations", "slice/1,blur/1"]),
        (CREDENTIAL, ["--accord", "http://127.0.0.1:1", "--credential", "x"]),
    ],
)
def test_settings_that_cannot_be_used_are_refused_at_the_start(
    credential: str | None, arguments: list[str]
) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "ACCORD_GATEWAY_CREDENTIAL"}
    if credential:
        environment["ACCORD_GATEWAY_CREDENTIAL"] = credential
    done = subprocess.run(
        [sys.executable, "-P", str(GATEWAY), "--port", "0", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_it_imports_nothing_of_accord() -> None:
    code = (
        "import sys, runpy; sys.argv = ['gateway', '--help']\n"
        "try: runpy.run_path(sys.orig_argv[-1], run_name='__main__')\n"
        "except SystemExit: pass\n"
        "found = {name.split('.')[0] for name in sys.modules}\n"
        "own = {'gateway_accord', 'gateway_records', '__main__', '__mp_main__'}\n"
        "print(sorted(found - set(sys.stdlib_module_names) - own))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-S", "-c", code, str(GATEWAY)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
