"""What this machine has to sell: GPUs through NVML where there are any, otherwise CPU cores."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pynvml

from rackrate.core.slots import Slots
from rackrate.engines.local import kernel

IDLE_MIB = 1024  # what a driver keeps for itself on a GPU that nobody uses


@dataclass(frozen=True, slots=True)
class Device:
    """One thing that slots are parts of. `index` is the GPU's minor number, or the CPU's number."""

    uuid: str
    kind: str
    index: int
    model: str
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a fleet file says of this machine."""

    devices: tuple[Device, ...]
    cpus: int
    memory_mib: int
    disk_mib: int


class Devices(Protocol):
    """The devices behind a node's slots. `parts` slots make one device."""

    all: tuple[Device, ...]

    def of(self, slots: Slots) -> tuple[Device, ...]: ...

    def fault(self, devices: tuple[Device, ...]) -> str:
        """Why a workload cannot use them now; empty if it can."""

    def clean(self, devices: tuple[Device, ...]) -> bool:
        """Whether nobody uses them and nothing of anybody is left in their memory."""


def _chosen(devices: tuple[Device, ...], parts: int, slots: Slots) -> tuple[Device, ...]:
    """Slots beyond the last device begin again at the first, as shares of a CPU core do."""
    return tuple(devices[i] for i in sorted({slot // parts % len(devices) for slot in slots}))


class Cpus:
    """CPU cores sold as such: a slot is a core's share, pinned to it. Nothing stays in a core."""

    def __init__(self, machine: str = "") -> None:
        name = machine or _machine_id()
        model = _cpu_model()
        self.all = tuple(
            Device(f"CPU-{name}-{cpu}", "cpu", cpu, model, 0)
            for cpu in sorted(os.sched_getaffinity(0))
        )

    def of(self, slots: Slots) -> tuple[Device, ...]:
        return _chosen(self.all, 1, slots)

    def fault(self, devices: tuple[Device, ...]) -> str:
        missing = {device.index for device in devices} - os.sched_getaffinity(0)
        return f"CPU cores {sorted(missing)} are not ours to use" if missing else ""

    def clean(self, devices: tuple[Device, ...]) -> bool:
        return True


class Gpus:
    """NVIDIA GPUs. `parts` slots share one of them."""

    def __init__(self, parts: int = 1) -> None:
        pynvml.nvmlInit()
        self.parts = parts
        self.all = tuple(self._device(i) for i in range(pynvml.nvmlDeviceGetCount()))

    @staticmethod
    def _device(index: int) -> Device:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        minor = index
        with contextlib.suppress(pynvml.NVMLError):
            minor = pynvml.nvmlDeviceGetMinorNumber(handle)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total >> 20
        uuid, model = pynvml.nvmlDeviceGetUUID(handle), pynvml.nvmlDeviceGetName(handle)
        return Device(str(uuid), "gpu", minor, str(model), memory)

    def of(self, slots: Slots) -> tuple[Device, ...]:
        return _chosen(self.all, self.parts, slots)

    def fault(self, devices: tuple[Device, ...]) -> str:
        for device in devices:
            try:
                pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByUUID(device.uuid))
            except pynvml.NVMLError as error:
                return f"GPU {device.uuid} does not answer: {error}"
        return ""

    def clean(self, devices: tuple[Device, ...]) -> bool:
        try:
            return not any(self._used(device) for device in devices)
        except pynvml.NVMLError:
            return False

    @staticmethod
    def _used(device: Device) -> bool:
        handle = pynvml.nvmlDeviceGetHandleByUUID(device.uuid)
        if _processes(handle):
            return True
        used: int = pynvml.nvmlDeviceGetMemoryInfo(handle).used >> 20
        return used > IDLE_MIB


def _processes(handle: object) -> int:
    """How many processes compute on the GPU, by the newest way that the driver knows."""
    for ask in (
        pynvml.nvmlDeviceGetComputeRunningProcesses_v3,
        pynvml.nvmlDeviceGetComputeRunningProcesses_v2,
    ):
        with contextlib.suppress(pynvml.NVMLError_FunctionNotFound, pynvml.NVMLError_NotSupported):
            return len(ask(handle))
    return 0  # not every driver can tell; memory in use tells too


def find(parts: int = 1) -> Devices:
    """The GPUs, if the driver's library loads and knows any; otherwise the CPU cores."""
    try:
        gpus = Gpus(parts)
    except pynvml.NVMLError:
        return Cpus()
    return gpus if gpus.all else Cpus()


def detect(root: Path) -> Machine:
    """What can be sold here, and how much disk there is where `root` is or will be."""
    while not root.exists():
        root = root.parent
    return Machine(
        devices=find().all,
        cpus=len(os.sched_getaffinity(0)),
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        disk_mib=shutil.disk_usage(root).free >> 20,
    )


def _machine_id() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            return Path(path).read_text().strip()[:8] or kernel.boot()[:8]
    return kernel.boot()[:8]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine
