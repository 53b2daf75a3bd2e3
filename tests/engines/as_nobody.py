"""Runs one lease as whoever runs this: `python as_nobody.py ROOT ISOLATION`, no root needed."""

import os
import subprocess
import sys
from pathlib import Path

from rackrate.core.workload import Mount, Spec
from tests.engines.bench import Bench, engine_at, lease, shell


def main(root: Path, isolation: str | None) -> None:
    assert os.geteuid() != 0
    bench = Bench(engine_at(root, isolation), root)
    place = "/volumes/data" if bench.engine.isolation == "plain" else "/data"
    spec = Spec(
        command=shell('echo "up $(id -u)"; echo kept > "$RACKRATE_VOLUME_DATA/file"; sleep 1000'),
        volumes=(Mount("data", place),),
    )
    wanted = lease(1, spec=spec, members=2)
    bench.ready(wanted)
    bench.until_said(wanted, "up")
    again = bench.again()
    entry = again.engine.entry(wanted.lease, 1)
    look = (
        'echo "rank $RACKRATE_RANK sees $(grep -c : /proc/net/dev) network(s), cores'
        ' $(grep Cpus_allowed_list /proc/self/status | cut -f2)"'
    )
    subprocess.run([*entry.argv, "sh", "-c", look], env=dict(entry.env), cwd=entry.cwd, check=True)
    print(again.engine.isolation, dict(again.engine.enforced), flush=True)
    greedy = lease(2, *shell("exec tail /dev/zero"))
    print(bench.ends(greedy).reason, flush=True)
    bench.close()
    left = [path for path in (root / "leases").rglob("*") if path.is_file()]
    print("volume:", (root / "projects/prj_000001/volumes/data/file").read_text().strip(), left)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
