"""What the server has done while nobody waits for it: the seeds of quick first builds."""

from __future__ import annotations

from ..build import seeds
from ..jobs.queue import Queue
from ..jobs.request import Places, parse
from ..runtime import targets
from ..store import Store
from ..toolchain import doctor

#: The request of the job that makes them.
REQUEST = {"kind": "install", "extras": ["seeds"]}


class Preparing:
    """Has the seeds made, once, by a job that gives way to all others."""

    def __init__(self, store: Store, places: Places) -> None:
        self._store = store
        self._places = places
        self._ended = -1
        self.over = False

    def look(self, queue: Queue) -> None:
        """Have them made if nothing else is to do, all else is there, and they are not; may block.

        What could not be made is not tried again: the toolchain's list says how it is done.
        """
        jobs = queue.jobs()
        # Only what a job has installed, or a first look, can have changed anything.
        if self.over or any(job.active for job in jobs) or len(jobs) == self._ended:
            return
        self._ended = len(jobs)
        target = targets.find(targets.default_abi())
        tried = any("seeds" in (job.request.get("extras") or ()) for job in jobs)
        if seeds.examine(target, self._store).state == "ok" or tried:
            self.over = True
        elif all(each.state != "missing" for each in doctor.examine(target, self._store)):
            self.over = True
            queue.submit(parse(REQUEST, self._places), background=True)
