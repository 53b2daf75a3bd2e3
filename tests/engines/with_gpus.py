"""Drives an engine on GPUs that the stub plays: `python with_gpus.py ROOT`, prints what it sees."""

import json
import os
import sys
from pathlib import Path

from rackrate.core.ids import NodeId
from rackrate.core.slots import Slots
from rackrate.engines.local.devices import detect
from tests.engines.bench import Bench, engine_at, lease


def main(root: Path) -> None:
    gpus = Path(os.environ["NVML_STUB"])
    machine = detect(root / "not/there/yet")
    bench = Bench(engine_at(root, "plain"), root)
    wanted = lease(1, "env", members=2)
    bench.engine.ensure(wanted)
    bench.until(wanted, lambda f: f is not None and f.phase == "gone")
    env = bench.until_said(wanted, "CUDA_VISIBLE_DEVICES", rank=1)
    found = bench.engine.observe()[wanted.lease]
    bench.gone(wanted)

    def clean() -> bool:
        return bench.engine.sanitise(NodeId("here"), Slots.of([1]))

    states = [clean()]
    (gpus / "1").write_text("40000")
    states.append(clean())
    (gpus / "1").write_text("500")
    states.append(clean())
    (gpus / "1").unlink()
    states.append(clean())
    lost = bench.ends(lease(2, "true", members=2))
    bench.close()
    told = {
        "models": sorted({device.model for device in machine.devices}),
        "gpus": len(machine.devices),
        "memory_mib": machine.devices[0].memory_mib,
        "devices": [member.devices for member in found.members],
        "env": [line for line in env.splitlines() if "VISIBLE" in line],
        "clean": states,
        "lost": [lost.phase, lost.reason],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
