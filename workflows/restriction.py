"""The workflow of a restriction that a body placed, until that body lifts it."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import Start
    from workflows.driver import StreamDriver


@workflow.defn(name="restriction")
class RestrictionWorkflow(StreamDriver):
    """Drives one `restriction` stream; its decisions are `policies.restriction.decide`'s."""

    @workflow.run
    async def run(self, start: Start) -> None:
        """`start` names the stream, which is also the workflow's id."""
        await self.drive(start)
