"""The process that a lease on this machine hangs on. It outlives the control plane that starts it.

Run as `main(FOLDER)` in a bare interpreter. Standard library only, and little of that: every
import here is paid at every start of a lease.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

from rackrate.engines.local import folder as files
from rackrate.engines.local import kernel, member

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rackrate.engines.local.plan import Plan
    from rackrate.engines.local.ports import Doors

WATCH_SECONDS = 2.0


class Supervisor:
    """One lease: starts its members, hears them, watches what they use, and sees them off."""

    def __init__(self, folder: str, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.members = [member.Member(folder, plan, each) for each in plan["members"]]
        self.poll = select.poll()
        self.readers: dict[int, member.Member] = {}
        self.ended: dict[int, int] = {}
        self.stop_at: float | None = None
        self.watch_at = 0.0
        self.doors: Doors | None = None

    def run(self) -> None:
        os.chdir("/")
        os.closerange(3, 4096)  # whatever else whoever started us had open
        self._listen()
        kernel.adopt_orphans()
        self._start()
        if self.stop_at is not None:
            self._signal_workload(signal.SIGTERM)  # told so while the members were being made
        while any(m.phase not in files.FINAL for m in self.members):
            self._step()
        if self.doors:
            self.doors.close()
        if self._stopped():
            # Not at the top: only an ending needs what this imports.
            from rackrate.engines.local import clean

            clean.wipe(self.folder, self.plan)

    def _listen(self) -> None:
        ears, self.mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self.mouth, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.ears = ears
        self.poll.register(ears, select.POLLIN)

    def _told_to_stop(self, *_: object) -> None:
        if self.stop_at is None:
            self.stop_at = time.monotonic() + self.plan["grace_seconds"]
            self._signal_workload(signal.SIGTERM)

    def _stopped(self) -> bool:
        return files.released(self.plan["root"], self.plan["lease"]) >= files.generation(
            self.folder
        )

    def _start(self) -> None:
        try:
            self._await_older()
            if self.plan["fault"]:
                raise OSError(self.plan["fault"])
            if self.stop_at is None and not self._stopped():
                self._stage()
                for each in self.members:
                    for handle in each.start():
                        self.readers[handle] = each
                        self.poll.register(handle, select.POLLIN)
                return
            reason, phase = "stopped before it started", "gone"
        except OSError as error:
            reason, phase = error.strerror or str(error), "failed"
        kernel.send(kernel.descendants(os.getpid()), signal.SIGKILL)
        self.members = []
        for rank in self.plan["ranks"]:
            os.makedirs(f"{self.folder}/{rank}", exist_ok=True)
            files.put_status(self.folder, rank, phase, 0, reason)

    def _await_older(self) -> None:
        """What ran for this lease before must be gone: two never share the slots."""
        mine, above = int(os.path.basename(self.folder)), os.path.dirname(self.folder)
        while any(name.isdigit() and int(name) < mine for name in os.listdir(above)):
            if self.stop_at is not None:
                return
            self.poll.poll(20)

    def _open_doors(self) -> None:
        if not self.plan["ports"]:
            return
        # Not at the top: most leases name no ports, and `socket` takes long to import.
        from rackrate.engines.local import ports

        self.doors = ports.Doors(self.plan["ports"])
        files.write(f"{self.folder}/address", self.doors.address().encode())
        for handle in self.doors.listeners:
            self.poll.register(handle, select.POLLIN)

    def _stage(self) -> None:
        """As root: a view of just this lease's folders, for users who cannot walk the way there."""
        self._open_doors()
        if self.plan["private_network"]:
            kernel.own_network()
        if os.geteuid() != 0:
            return
        os.makedirs(files.STAGE, 0o755, exist_ok=True)
        kernel.own_mounts()
        kernel.mount("rackrate", files.STAGE, "tmpfs", 0, "mode=0755,size=64k")
        for source, name in self.plan["binds"]:
            os.makedirs(f"{files.STAGE}/{name}", 0o755)
            kernel.mount(source, f"{files.STAGE}/{name}", "", kernel.BIND)
        if self.plan["users"]:
            with open(f"{files.STAGE}/users", "wb") as file:
                file.write(self.plan["users"])
            kernel.mount(f"{files.STAGE}/users", "/etc/passwd", "", kernel.BIND)

    def _step(self) -> None:
        wake = min(self.watch_at, self.stop_at or self.watch_at)
        patience = max(20, 1000 * (wake - time.monotonic()))
        for handle, _ in self.poll.poll(patience):
            if handle == self.ears:
                os.read(handle, 4096)
            elif self.doors and handle in self.doors.listeners:
                self.doors.knock(handle)
            else:
                self._hear(handle)
        self._reap()
        now = time.monotonic()
        if self.stop_at is not None and now >= self.stop_at:
            self._signal_workload(signal.SIGKILL)
        if now >= self.watch_at:
            self._watch()
            self.watch_at = now + max(WATCH_SECONDS, 100 * (time.monotonic() - now))

    def _hear(self, handle: int) -> None:
        if not self.readers[handle].hear(handle):
            self.poll.unregister(handle)
            del self.readers[handle]
            os.close(handle)

    def _hear_out(self, each: member.Member) -> None:
        """What it said before it ended, which may come after the news of its end."""
        pending = [handle for handle, whose in self.readers.items() if whose is each]
        while pending := select.select(pending, [], [], 0)[0]:
            for handle in pending:
                self._hear(handle)
            pending = [handle for handle in pending if handle in self.readers]

    def _reap(self) -> None:
        while _have_children() and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            self.ended[ended[0]] = os.waitstatus_to_exitcode(ended[1])
        for each in self.members:
            for _ in ("the launcher", "what it launched"):
                if each.pid in self.ended and each.phase not in files.FINAL:
                    self._hear_out(each)
                    each.ended(self.ended.pop(each.pid), stopping=self.stop_at is not None)
        mine = {each.pid for each in self.members if each.phase not in files.FINAL}
        awaited = any(each.launching for each in self.members)
        if not awaited:
            self.ended = {pid: code for pid, code in self.ended.items() if pid in mine}

    def _watch(self) -> None:
        for each in self.members:
            if each.phase == "ready" and (excess := each.excess()):
                each.doom = excess
                self._signal_one(each, signal.SIGKILL)

    def _signal_workload(self, number: signal.Signals) -> None:
        for each in self.members:
            self._signal_one(each, number)

    def _signal_one(self, each: member.Member, number: signal.Signals) -> None:
        """Everything that it runs; a launcher dies last, as it would take the rest along."""
        pids = kernel.descendants(each.pid) if each.pid else []
        spare = number is signal.SIGTERM and each.is_launcher_only()
        kernel.send(pids if spare or not each.pid else [each.pid, *pids], number)


def main(folder: str) -> None:
    """Become the lease's supervisor; or, if it had one that died, clear up after it."""
    plan: Plan = files.plan(folder)  # type: ignore[assignment]
    fresh = plan["boot"] == kernel.boot()
    if files.claim(folder) and fresh:
        kernel.dare("/proc/self/oom_score_adj", "-500")
        leave_cgroup()
        Supervisor(folder, plan).run()
        return
    holder = files.holder(folder)
    if not fresh or (holder and not holder[1]):
        from rackrate.engines.local import clean

        why = "its supervisor was killed" if fresh else "the machine was restarted"
        clean.after_death(folder, plan, why)


def leave_cgroup() -> None:
    """So that stopping the control plane's service does not take its workloads along."""
    for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"):
        if os.geteuid() == 0 and os.path.exists(f"{base}/cgroup.procs"):
            group = f"{base}/rackrate-supervisors"
            if os.path.isdir(group) or os.access(base, os.W_OK):
                os.makedirs(group, exist_ok=True)
                kernel.dare(f"{group}/cgroup.procs", "0")


def _have_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
