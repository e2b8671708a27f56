"""Builds the seeds for quick first builds while the server is idle."""

from __future__ import annotations

from ..build import seeds
from ..jobs.queue import Queue
from ..jobs.resolve import AllowedPaths, resolve
from ..runtime import targets
from ..store import Store
from ..toolchain import doctor

#: The request of the job.
REQUEST = {"kind": "install", "extras": ["seeds"]}


class IdleSeedBuilder:
    """Builds the seeds once, by a job that lets all others go first."""

    def __init__(self, store: Store, paths: AllowedPaths) -> None:
        self._store = store
        self._paths = paths
        self._head = -1
        self.over = False

    def check(self, queue: Queue) -> None:
        """Build the seeds if the queue is empty and the toolchain is complete; can block.

        A failed attempt is not repeated: the toolchain's findings show how to build them.
        """
        # Only a job changes what is installed.
        if self.over or queue.active or queue.head == self._head:
            return
        self._head = queue.head
        jobs = queue.jobs()
        target = targets.find(targets.default_abi())
        tried = any("seeds" in (job.request.get("extras") or ()) for job in jobs)
        if tried or seeds.examine(target, self._store).state == "ok":
            self.over = True
        elif all(each.state != "missing" for each in doctor.examine(target, self._store)):
            self.over = True
            queue.submit(resolve(REQUEST, self._paths), background=True)
