"""One member as its supervisor sees it: started, heard, ended. Standard library only."""

from __future__ import annotations

import fcntl
import os
import resource
import signal

from rackrate.engines.local import folder as files
from rackrate.engines.local import kernel, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rackrate.engines.local.plan import MemberPlan, Plan

READY_FD, FACTS_FD, ARGS_FD = 3, 4, 5
FULL = b"\n[rackrate: the log is full; what follows is dropped]\n"


class Member:
    """Phase, processes and output of one member."""

    def __init__(self, folder: str, lease: Plan, plan: MemberPlan) -> None:
        self.folder = folder
        self.lease = lease
        self.plan = plan
        self.rank = plan["rank"]
        self.here = f"{folder}/{self.rank}"
        self.pid = 0
        self.launching = False
        self.phase = "starting"
        self.doom = ""
        self.heard_failure = ""
        self.heard_ready = False

    def start(self) -> tuple[int, int]:
        """Fork the launcher; the handles on which its readiness and its output come."""
        tree.build(self.here, self.lease, self.plan)
        self.log = os.open(f"{self.here}/log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self.logged = 0
        ready, ready_in = os.pipe2(os.O_CLOEXEC)
        output, output_in = os.pipe2(os.O_CLOEXEC)
        for handle in (ready, output):
            os.set_blocking(handle, False)
        self._limit()
        self.launching = bool(self.plan["container"])
        self.pid = os.fork()
        if self.pid == 0:
            self._exec(ready_in, output_in)
        os.close(ready_in)
        os.close(output_in)
        self.output = output
        return ready, output

    def _limit(self) -> None:
        for group in self.plan["cgroups"]:
            os.makedirs(group, exist_ok=True)
        for path, value in self.plan["limits"]:
            with open(path, "w") as file:
                file.write(value)

    def _exec(self, ready: int, output: int) -> None:
        try:
            os.setsid()
            high = [fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 20) for handle in (ready, output)]
            facts = os.open(f"{self.here}/facts", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            facts = fcntl.fcntl(facts, fcntl.F_DUPFD_CLOEXEC, 20)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            for handle, name in ((high[1], 1), (high[1], 2), (high[0], READY_FD)):
                os.dup2(handle, name)
            if self.lease["isolation"] == "bubblewrap":
                os.dup2(facts, FACTS_FD)
                os.dup2(os.open(f"{self.here}/args", os.O_RDONLY), ARGS_FD)
            self._confine()
            os.execve(self.plan["argv"][0], self.plan["argv"], self.plan["env"])
        except (OSError, ValueError) as error:
            os.write(READY_FD, f"!{error}".encode())
        finally:
            os._exit(127)

    def _confine(self) -> None:
        for group in self.plan["cgroups"]:
            with open(f"{group}/cgroup.procs", "w") as file:
                file.write("0")
        kernel.dare("/proc/self/oom_score_adj", "0")
        if self.plan["cpus"]:
            os.sched_setaffinity(0, self.plan["cpus"])
        for kind, value in self.plan["rlimits"]:
            resource.setrlimit(kind, (value, value))
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.umask(0o022)
        os.chdir("/")
        if self.plan["drop"]:
            os.setgroups([])
            os.setgid(self.lease["owner"])
            os.setuid(self.lease["owner"])

    def hear(self, handle: int) -> bool:
        """Take what came; False once nothing more can come."""
        try:
            data = os.read(handle, 65536)
        except BlockingIOError:
            return True
        if handle == self.output:
            self._log(data)
        elif data.startswith(b"!"):
            self.heard_failure = data[1:].decode(errors="replace")
        elif data and self.launching:
            self.heard_ready = True  # true once the launcher has told us who it is
        elif data:
            self.become("ready", "")
        return bool(data)

    def _log(self, data: bytes) -> None:
        room = self.lease["log_bytes"] - self.logged
        if room > 0:
            try:
                self.logged += os.write(self.log, data[:room])
                if len(data) >= room:
                    os.write(self.log, FULL)
            except OSError:
                return  # the disk is full: better to lose output than the workload

    def become(self, phase: str, reason: str) -> None:
        if self.phase in files.FINAL or (phase == "ready" and self.phase == "ready"):
            return
        self.phase = phase
        os.makedirs(self.here, exist_ok=True)
        files.put_status(self.folder, self.rank, phase, self._inside(), reason)

    def is_launcher_only(self) -> bool:
        """Whether `pid` is bubblewrap's own, which takes its sandbox along when it goes."""
        return self.lease["isolation"] == "bubblewrap"

    def _inside(self) -> int:
        """A process whose namespaces are the member's; 0 once it has ended."""
        if self.phase in files.FINAL:
            return 0
        if self.lease["isolation"] == "bubblewrap":
            facts = files.read(f"{self.here}/facts") or b""
            return int(facts.split(b'"child-pid":')[1].split(b",")[0].strip(b" }\n"))
        return self.pid

    def ended(self, code: int, stopping: bool) -> None:
        """The process that we wait for has ended: the launcher, or the workload itself."""
        if self.launching and code == 0:
            self.pid, self.launching = int(files.read(f"{self.here}/pid") or b"0"), False
            if self.heard_ready:
                self.become("ready", "")
            return
        self.launching = False
        if stopping:
            self.become("gone", "stopped")
        elif self.doom or self.heard_failure:
            self.become("failed", self.doom or self.heard_failure)
        elif code == 0 and self.phase == "ready":
            self.become("gone", "finished")
        else:
            self.become("failed", self._why(code))

    def _why(self, code: int) -> str:
        if self._out_of_memory():
            return "ran out of memory"
        last = self._last_line()
        said = f": {last}" if last else ""
        if self.phase != "ready":
            return f"did not come up{said}"
        killed = -code if code < 0 else code - 128 if code > 128 else 0
        return (f"killed by signal {killed}" if killed else f"exit code {code}") + said

    def _last_line(self) -> str:
        with open(f"{self.here}/log", "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")

    def _out_of_memory(self) -> bool:
        for name in ("memory.events", "memory.oom_control"):
            for line in (files.read(f"{self.plan['memory_group']}/{name}") or b"").splitlines():
                if line.startswith(b"oom_kill ") and int(line.split()[1]):
                    return True
        return False

    def excess(self) -> str:
        """What it uses beyond its limits, where no kernel mechanism stops it; or nothing."""
        disk = self.plan["disk_bytes"]
        if disk and (used := tree.bytes_in(f"{self.here}/root")) > disk:
            return f"used {used >> 20} MiB of disk, more than its {disk >> 20} MiB"
        memory = self.plan["memory_bytes"]
        if memory:
            pages = sum(
                int(fields[21])
                for pid in [self.pid, *kernel.descendants(self.pid)]
                if (fields := kernel.stat(pid))
            )
            if (used := pages * resource.getpagesize()) > memory:
                return f"used {used >> 20} MiB of memory, more than its {memory >> 20} MiB"
        return ""
