"""The command line, `accord`: run it, import, check an answer, verify the ledger.

Exit codes: 0 done (or the answer is yes); 1 refused, or the answer is no; 2 the
command was not understood; 3 it cannot run here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.exc import SQLAlchemyError

from policies.refusals import RefusedError
from policies.types import CLASSES
from services import bootstrap, clock, example, first_look, founding, mail, running
from services.catalogue import importer, proposals
from services.ledger import verify as verifying
from services.people import Viewer
from services.rule_commands import rules
from services.settings import HOST, Settings, read_settings
from services.sign_in import known
from services.store import leaves, migrate
from services.supervisor import CannotRunError

REFUSED, CANNOT_RUN = 1, 3
_SCREEN = Console(highlight=False, soft_wrap=True)
_ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="accord")
def main() -> None:
    """Governance of Māori and Pacific collective data.

    Everything is kept in one folder: .accord beside the project, or ACCORD_HOME.
    """
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    # What Alembic and Temporal say at these levels is for their own developers.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.ERROR)


@main.command()
@click.option("--example", "with_example", is_flag=True, help="Load the invented example.")
def up(with_example: bool) -> None:
    """Start everything on this machine, until Ctrl-C."""
    settings = _settings()
    with _plainly():
        asyncio.run(
            running.up(
                settings,
                with_example=with_example,
                say=_say,
                ready=lambda person: _welcome(settings, person),
            )
        )


@main.command()
@click.option("--keep", is_flag=True, help="Keep the temporary home, and say where it is.")
def story(keep: bool) -> None:
    """Play three stories with invented people: the whole path from request to disposal; an
    iwi's request for its own people's data; what was refused or declined, revised.

    In a temporary home with servers of its own. The last line is one JSON object.
    """
    from services.story import play

    with _plainly():
        sys.exit(asyncio.run(play.tell(keep=keep, say=click.echo)))


@main.command()
def worker() -> None:
    """Drive the streams' workflows, until told to stop."""
    from services import worker as working

    asyncio.run(working.run(_settings()))


@main.command(hidden=True)
def web() -> None:
    """Serve the API and its page, until told to stop."""
    from services.web import app

    app.serve(_settings())


@main.command("migrate")
def migrate_command() -> None:
    """Bring the database up to this version of Accord. Run it before the others start."""
    settings = _settings()
    with _plainly():
        asyncio.run(running.prepare(settings, with_example=False, temporary=False, say=_say))
        _say("The database is up to date.")


@main.command()
@click.option("--email", required=True, help="Where the operator's sign-in links go.")
def operator(email: str) -> None:
    """Write down the operator's e-mail address, so that they can sign in by a link.

    Whoever may run this may read the database as well; nobody else can make an operator.
    """
    with _plainly(), _built() as accord:
        person = founding.found(accord.store, accord.recorder)
        try:
            mail.deliverable(email)
        except ValueError as error:
            raise CannotRunError("That is no whole e-mail address.") from error
        with accord.store.write() as connection:
            known.set_address(connection, accord.key, person, email, clock.now(connection))
    _say("Written down. Set ACCORD_SMTP_HOST and ACCORD_SMTP_FROM for links to be sent.")


main.add_command(rules)


@main.group()
def catalogue() -> None:
    """What is held: lists of items."""


@catalogue.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Lines that propose a class and the peoples concerned from names.",
)
@click.option("--keep-good", is_flag=True, help="Leave out the lines that have faults.")
def import_command(file: Path, rules: Path | None, keep_good: bool) -> None:
    """Import the catalogue in FILE (CSV: agency,collection,schema,table,variable).

    Nothing of a bad file is kept, unless --keep-good is given. A proposal binds nobody
    until a body concerned confirms it.
    """
    with _plainly(), _built() as accord, Progress(console=_ERRORS, transient=True) as bar:
        task = bar.add_task("Importing", total=None)
        lines = proposals.load(rules, CLASSES) if rules else ()
        operator = Viewer.inside(founding.found(accord.store, accord.recorder))
        report = asyncio.run(
            importer.import_file(
                accord.path, operator, file, lines, keep_good=keep_good,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        )  # fmt: skip
    for fault in report.faults[:50]:
        where = f"line {fault.line}, column {fault.column}" if fault.line else "the file"
        _ERRORS.print(f"{file.name}, {where}: {fault.sentence}", markup=False)
    if report.entry is None:
        _ERRORS.print("Nothing of the file was kept. Correct the lines named and import it again.")
        sys.exit(REFUSED)
    _say(
        f"{report.rows} new items, {report.known} known before, "
        f"{len(report.collections)} new collections; "
        f"{report.proposed} have a proposal that awaits a body."
    )


@main.command()
@click.option("--person", required=True, help="The id of the person who would use it.")
@click.option(
    "--item", required=True, help="The item, for example example_survey.people.income_band."
)
@click.option("--purpose", required=True, help="The purpose that the grant names.")
@click.option("--act", default="use.read", show_default=True, help="What would be done.")
@click.option("--named", help="Beyond reading: which other data, model, country or business.")
def check(person: str, item: str, purpose: str, act: str, named: str | None) -> None:
    """Ask the decision point, as the example's gateway, and print why.

    Exit code 0 is yes, 1 is no. The question is recorded like every other.
    """
    settings = _settings()
    file = settings.home / example.CREDENTIAL_FILE
    with _plainly():
        if not file.exists():
            raise CannotRunError(
                "There is no example gateway here; start with accord up --example."
            )
        question = {
            "subject": {"type": "person", "id": person},
            "action": {"name": act},
            "resource": {"type": "item", "id": item},
            "context": {
                "purpose": purpose,
                "obligations_supported": ["slice/1"],
                **({"named": named} if named else {}),
            },
        }
        try:
            answer = httpx.post(
                f"{settings.url}/access/v1/evaluation",
                json=question,
                headers={"Authorization": f"Bearer {file.read_text(encoding='utf-8')}"},
                timeout=30,
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise CannotRunError(
                f"No answer from {settings.url}, which counts as no; is accord up running?"
            ) from error
    told = answer.json()
    reason = next(iter(told["context"]["reason_user"].values()))
    _say(f"{'Yes' if told['decision'] else 'No'}: {reason}")
    if not told["decision"]:
        _say(told["context"]["next"])
    _say(json.dumps(told["context"], ensure_ascii=False, indent=2))
    sys.exit(0 if told["decision"] else REFUSED)


@main.group()
def ledger() -> None:
    """The record: export it, and verify an export offline."""


@ledger.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--body", help="Only what is this body's own.")
def export_command(file: Path, body: str | None) -> None:
    """Write the whole ledger to FILE, as lines of JSON. An older FILE is replaced whole."""
    with _plainly(), _built() as accord:
        whole = file.with_name(file.name + ".part")
        try:
            with whole.open("wb") as out:
                head = leaves.export(accord.store, out, f"body:{body}" if body else "whole")
            whole.replace(file)
        except leaves.DamagedError as error:
            raise CannotRunError(f"{error} Nothing was exported; keep this database.") from error
        except ValueError as error:
            raise CannotRunError(f"Nothing was exported: {error}.") from error
        except OSError as error:
            raise CannotRunError(f"{file} cannot be written: {error.strerror}.") from error
        finally:
            whole.unlink(missing_ok=True)
    _say(f"{head.size} entries, head {head.root}")


@ledger.command("verify")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--earlier", type=click.Path(dir_okay=False, path_type=Path), help="An earlier export."
)
def verify_command(file: Path, earlier: Path | None) -> None:
    """Verify an export offline; with --earlier, that nothing was cut, rewritten or dropped."""
    with _plainly():
        try:
            before = None
            if earlier is not None:
                with earlier.open("rb") as lines:
                    before = verifying.head_from_export(lines)
            with file.open("rb") as lines:
                report = verifying.verify(lines, before)
        except OSError as error:
            raise CannotRunError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise CannotRunError(f"{earlier} is no export with a head: {error}.") from error
    for note in report.notes:
        _say(note)
    if report.verified:
        _say(f"Verified: {report.entries} entries, head {report.head.root if report.head else '-'}")
        return
    for problem in report.problems:
        _ERRORS.print(f"line {problem.line}: {problem.sentence}", markup=False)
    _ERRORS.print("Not verified.")
    sys.exit(REFUSED)


def _settings() -> Settings:
    try:
        return read_settings()
    except ValueError as error:
        _ERRORS.print(str(error), markup=False)
        sys.exit(CANNOT_RUN)


@contextmanager
def _built() -> Iterator[bootstrap.Accord]:
    settings = _settings()
    migrate.check_current(settings.database)
    accord = bootstrap.build(settings, None)
    try:
        yield accord
    finally:
        accord.close()


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn what can go wrong into one sentence and an exit code."""
    try:
        yield
    except RefusedError as error:
        refused = error.refused
        _ERRORS.print(f"{refused.sentence} {refused.next_step}", markup=False)
        sys.exit(REFUSED)
    except (CannotRunError, migrate.NotCurrentError) as error:
        _ERRORS.print(str(error), markup=False)
        sys.exit(CANNOT_RUN)
    except proposals.BadRules as error:
        for fault in error.faults:
            _ERRORS.print(
                f"Rules, line {fault.line}, column {fault.column}: {fault.sentence}", markup=False
            )
        sys.exit(REFUSED)
    except SQLAlchemyError as error:
        _ERRORS.print(
            f"The database does not answer ({type(error).__name__}). "
            "Check ACCORD_DATABASE, the disk and its rights.",
            markup=False,
        )
        sys.exit(CANNOT_RUN)


def _say(line: str) -> None:
    _SCREEN.print(line, markup=False)


def _welcome(settings: Settings, person: str) -> None:
    kept = f"(Ctrl-C stops it; everything is kept in {settings.home})"
    _say(f"\nAccord is at {settings.address}    {kept}")
    if person:
        _say(f"Temporal's own page is at http://{HOST}:{settings.temporal_page_port}")
        _say("Everyone and every body in this example is invented.")
        _say(first_look.commands(settings, person))


if __name__ == "__main__":
    main()
