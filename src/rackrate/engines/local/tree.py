"""A member's own files: made before it starts, measured while it runs. Standard library only."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rackrate.engines.local.plan import MemberPlan, Plan


def build(here: str, lease: Plan, plan: MemberPlan) -> None:
    """The root file system under `here`, and beside it what only the supervisor may read."""
    root = f"{here}/root"
    os.makedirs(here, 0o711, exist_ok=True)
    os.chmod(here, 0o711)
    for name, data in plan["beside"]:
        with open(os.open(f"{here}/{name}", os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(data)
    owner = lease["owner"]
    os.mkdir(root, 0o755)
    if plan["copy"]:
        _copy(plan["copy"], root)
        _shift(root, owner)
    elif owner >= 0:
        os.chown(root, owner, owner)
    for name, mode in plan["folders"]:
        _folder(root, name, mode, owner)
    for name, target in plan["links"]:
        os.symlink(target, f"{root}/{name}")
    for name, data in plan["files"]:
        _file(root, name, data, owner)


def _folder(root: str, name: str, mode: int, owner: int) -> None:
    """A folder of the root file system, which an image may already have; never through a link."""
    path = f"{root}/{name}"
    if os.path.islink(path) or not os.path.isdir(path):
        if os.path.lexists(path):
            return
        os.mkdir(path)
        os.chmod(path, mode)
        if owner >= 0:
            os.chown(path, owner, owner)


def _file(root: str, name: str, data: bytes, owner: int) -> None:
    path = f"{root}/{name}"
    if os.path.lexists(path):
        os.unlink(path)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o644)
    with open(handle, "wb") as file:
        file.write(data)
    if owner >= 0:
        os.chown(path, owner, owner)


def _copy(image: str, root: str) -> None:
    pid = os.posix_spawn(
        "/bin/cp", ["cp", "-a", "--reflink=auto", f"{image}/.", root], {"PATH": "/usr/bin:/bin"}
    )
    if os.waitpid(pid, 0)[1]:
        raise OSError(f"the image {os.path.basename(image)!r} could not be copied")


def _shift(root: str, owner: int) -> None:
    """Users of the image become users of the tenant's range, as its user namespace maps them."""
    if owner < 0:
        return
    for _, folders, names, handle in os.fwalk(root, follow_symlinks=False):
        for name in [".", *folders, *names]:
            info = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if info.st_uid < owner:
                user, group = owner + info.st_uid % 65536, owner + info.st_gid % 65536
                os.chown(name, user, group, dir_fd=handle, follow_symlinks=False)
                if not os.path.islink(f"/proc/self/fd/{handle}/{name}"):
                    os.chmod(name, info.st_mode & 0o7777, dir_fd=handle)


def bytes_in(root: str) -> int:
    """What the files under `root` take on disk, each counted once."""
    total, seen = 0, set()
    for _, _, names, handle in os.fwalk(root, follow_symlinks=False):
        for name in names:
            try:
                info = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if info.st_nlink > 1:
                if info.st_ino in seen:
                    continue
                seen.add(info.st_ino)
            total += info.st_blocks * 512
    return total
