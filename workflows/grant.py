"""The workflow of access, from the acceptance of a request until disposal is acknowledged."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import Start
    from workflows.driver import StreamDriver


@workflow.defn(name="grant")
class GrantWorkflow(StreamDriver):
    """Drives one `grant` stream; its decisions are `policies.grant.decide`'s."""

    @workflow.run
    async def run(self, start: Start) -> None:
        """`start` names the stream, which is also the workflow's id."""
        await self.drive(start)
