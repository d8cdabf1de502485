"""The workflow of a request to use collective data, from submission until nothing is owed."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import Start
    from workflows.driver import StreamDriver


@workflow.defn(name="request")
class RequestWorkflow(StreamDriver):
    """Drives one `request` stream; its decisions are `policies.request.decide`'s."""

    @workflow.run
    async def run(self, start: Start) -> None:
        """`start` names the stream, which is also the workflow's id."""
        await self.drive(start)
