"""What a member's root file system holds: the machine's own /usr, or an image."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

HOST_IMAGES = ("", "host")
# Of the machine's /etc a workload sees only what programs need, and nothing that names users.
SHARED = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl", "ca-certificates"),
    *("nsswitch.conf", "protocols", "services", "localtime", "mime.types", "terminfo"),
    *("python3", "python3.11", "python3.12", "python3.13", "perl", "vulkan", "OpenCL", "magic"),
)
FOLDERS = [
    *(("root", 0o700), ("tmp", 0o1777), ("run", 0o755), ("etc", 0o755), ("var", 0o755)),
    *(("var/tmp", 0o1777), ("proc", 0o755), ("sys", 0o755), ("dev", 0o755), ("usr", 0o755)),
    *(("home", 0o755), ("opt", 0o755), ("mnt", 0o755), ("etc/rackrate", 0o755)),
]
ENVIRONMENT = "etc/rackrate/env"


def read_only(image: str) -> list[str]:
    """Paths of this machine that are seen inside, at the same place."""
    if image:
        return []
    tops = [
        f"/{name}" for name in sorted(os.listdir("/")) if name.startswith(("lib", "bin", "sbin"))
    ]
    found = ["/usr", *(top for top in tops if not os.path.islink(top) and os.path.isdir(top))]
    return found + [f"/etc/{name}" for name in SHARED if os.path.exists(f"/etc/{name}")]


def shell(image: str) -> str:
    base = Path(image or "/")
    return "/bin/bash" if (base / "bin/bash").exists() else "/bin/sh"


def links(image: str) -> list[tuple[str, str]]:
    """/bin and its like, where this machine has them as links into /usr."""
    if image:
        return []
    tops = [name for name in os.listdir("/") if name.startswith(("lib", "bin", "sbin"))]
    return sorted((name, os.readlink(f"/{name}")) for name in tops if os.path.islink(f"/{name}"))


def files(image: str, host: str, env: Mapping[str, str], network: str) -> list[tuple[str, bytes]]:
    """Small files of its own: names of users and hosts, and the environment for who logs in."""
    written = {
        ENVIRONMENT: environment(env),
        "etc/hostname": f"{host}\n",
        "etc/hosts": f"127.0.0.1 localhost {host}\n::1 localhost\n",
    }
    if network == "host" and os.path.exists("/etc/resolv.conf"):
        written["etc/resolv.conf"] = Path("/etc/resolv.conf").read_text()
    if not image:
        written["etc/passwd"] = (
            f"root:x:0:0:root:/root:{shell(image)}\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        )
        written["etc/group"] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"
        written["etc/profile"] = "PS1='\\u@\\h:\\w\\$ '\n"
    return [(name, text.encode()) for name, text in written.items()]


def environment(env: Mapping[str, str]) -> str:
    """A script that sets the environment. Read inside, so that it never reaches a launcher."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(env.items()))
