"""How to get into a member that runs: the command that puts a program inside its walls."""

import os
import resource
import shlex
from pathlib import Path

from rackrate.core.workload import Entry
from rackrate.engines.local.plan import MemberPlan, Plan
from rackrate.engines.local.planning import PATH, Host

# The environment is set inside, by a shell that is inside already: a variable such as LD_PRELOAD
# must never reach a launcher that runs with the machine's rights.
INNER = '. "$0"; cd; exec "$@"'
# On a terminal, with a session and job control of its own, made inside so that shells see them.
INNER_TERMINAL = '. "$0"; cd; [ -t 0 ] || exec "$@"; (exec setsid --ctty "$@"); exit $?'
JOIN = 'for group in $0; do echo 0 > "$group/cgroup.procs" || exit; done; exec "$@"'
RUNC = 'if [ -t 0 ]; then exec $0 exec -t "$@"; else exec $0 exec "$@"; fi'


def entry(host: Host, plan: Plan, member: MemberPlan, pid: int, supervisor: int) -> Entry:
    """`pid` is a process inside; its namespaces are the member's."""
    argv: tuple[str, ...]
    if host.isolation == "runc":
        runc = shlex.join(plan["runc"])
        # runc looks for the bundle where it found it: in the supervisor's mounts.
        # What it runs is in the network of who asks: that must be the lease's own.
        kinds = ("-m", "-n") if plan["private_network"] else ("-m",)
        argv = (host.programs["nsenter"], "-t", str(supervisor), *kinds, "--")
        argv = (*argv, "/bin/sh", "-c", RUNC, runc, member["container"])
    elif host.isolation == "bubblewrap":
        argv = (*_share(host, member), *_namespaces(host, pid, supervisor), *_powerless(member))
    else:
        argv = (*_share(host, member), *_plain(host, plan, pid))
    home = member["env"].get("HOME", "/root")
    script = "/etc/rackrate/env" if host.isolation != "plain" else f"{home}/.rackrate/env"
    inner = INNER if host.isolation == "runc" else INNER_TERMINAL
    return Entry(
        argv=(*argv, "/bin/sh", "-c", inner, script), cwd="/", env={"PATH": PATH}, home=home
    )


def _share(host: Host, member: MemberPlan) -> tuple[str, ...]:
    """What logs in uses the member's share of the machine, not ours."""
    words: tuple[str, ...] = ()
    if member["cgroups"]:
        words = ("/bin/sh", "-c", JOIN, " ".join(member["cgroups"]))
    for kind, value in member["rlimits"]:
        if kind == resource.RLIMIT_DATA:
            words = (*words, "/bin/sh", "-c", 'ulimit -d "$0"; exec "$@"', str(value >> 10))
    if member["cpus"] and "taskset" in host.programs:
        words = (*words, host.programs["taskset"], "-c", ",".join(map(str, member["cpus"])))
    return words


def _namespaces(host: Host, pid: int, supervisor: int) -> tuple[str, ...]:
    nsenter = host.programs["nsenter"]
    kinds = ("-U", "-m", "-p", "-i", "-u")
    if os.geteuid() == 0:
        return (nsenter, "-t", str(pid), *kinds, "-n", "--")
    same = "--preserve-credentials"
    outer: tuple[str, ...] = ()
    if host.network == "isolated":
        outer = (nsenter, "-t", str(supervisor), "-U", "-n", same, "--")
    return (*outer, nsenter, "-t", str(pid), *kinds, same, "--")


def _powerless(member: MemberPlan) -> tuple[str, ...]:
    """Entering a user namespace gives every capability in it; the workload has none."""
    if not (Path(member["copy"] or "/") / "usr/bin/setpriv").exists():
        return ()
    return ("/usr/bin/setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")


def _plain(host: Host, plan: Plan, pid: int) -> tuple[str, ...]:
    if plan["owner"] < 0:
        return ()
    owner = str(plan["owner"])
    return (
        *(host.programs["nsenter"], "-t", str(pid), "-m", "--"),
        *(host.programs["setpriv"], "--reuid", owner, "--regid", owner),
        *("--clear-groups", "--no-new-privs", "--"),
    )
