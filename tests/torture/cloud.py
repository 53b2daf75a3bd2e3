"""The real program as processes: started, killed, started again; and a client that insists."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rackrate.db import postmaster
from rackrate.db.embedded import Embedded

PATIENCE_S = 45.0

FLEET = """
kind: entity
name: torture
title: Example Torture (sample)
country: CN
time_zone: UTC
currency: CNY
invoice_series: TT
output_tax: cn-service-6
---
kind: chip
name: cpu
vendor: any
model: CPU core
accelerator: false
source: a test
confidence: operator
---
kind: site
name: local
title: This machine
entity: torture
country: CN
time_zone: UTC
engine: local
simulated: false
---
kind: block
name: local-1
site: local
fabric: none
---
kind: node
name: here
site: local
block: local-1
chip: cpu
gpus: 6
cpus: 2
memory_gib: 4
disk_gib: 10
---
kind: sku
name: cpu.1
title: One CPU slot
site: local
chip: cpu
slots: 1
cpus: 0.2
memory_gib: 0.25
disk_gib: 0.5
---
kind: site
name: sim
title: Simulated
entity: torture
country: CN
time_zone: UTC
engine: sim
simulated: true
---
kind: block
name: sim-1
site: sim
fabric: none
---
kind: chip
name: gpu
vendor: any
model: A sample GPU
source: a test
confidence: operator
---
kind: node
name: sim-{}
count: 2
site: sim
block: sim-1
chip: gpu
gpus: 8
cpus: 64
memory_gib: 512
disk_gib: 1000
---
kind: sku
name: gpu.1
title: One GPU
site: sim
chip: gpu
slots: 1
cpus: 8
memory_gib: 64
disk_gib: 100
---
kind: price_book
currency: CNY
tax_included: false
effective: 2026-01-01
time_zone: UTC
per_slot_hour:
  cpu.1: {on_demand: 36.00}
  gpu.1: {on_demand: 360.00}
---
kind: customer
name: torture
title: Example Torture itself (sample)
entity: torture
country: CN
time_zone: UTC
currency: CNY
of_operator: true
---
kind: project
name: torture
title: Torture
customer: torture
"""


class Cloud:
    """One data folder, and a control plane over it that is started again whenever it dies."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port, self.ssh_port = _free_port(), _free_port()
        self.token = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Up for the first time, with the fleet applied."""
        self._launch()
        self._keeper.start()
        self.token = self._first_token()
        files = [{"name": "torture.yaml", "text": FLEET}]
        status, answer = self.ask("POST", "/v1/apply", {"files": files}, "apply")
        assert status in (200, 201), answer

    def stop(self) -> None:
        """Stop cleanly; what runs goes on until `purge`."""
        self._stopping.set()
        self._keeper.join(PATIENCE_S)
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE_S)

    def kill_control(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    def kill_database(self) -> None:
        """Every process of the server, at once."""
        for pid in postmaster.processes(Embedded(self.data).cluster):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, Any]:
        """The answer, however often the server dies before it gives one."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        until = time.monotonic() + PATIENCE_S
        last = ""
        while time.monotonic() < until:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                data = None if body is None else json.dumps(body)
                connection.request(method, path, data, headers)
                response = connection.getresponse()
                text = response.read()
                # 503: its database is away, and it says so. Try again, as any client would.
                if response.status != 503:
                    return response.status, json.loads(text) if text else None
                last = text.decode()
            except (OSError, http.client.HTTPException) as error:
                last = repr(error)
            finally:
                connection.close()
            time.sleep(0.05)
        raise AssertionError(
            f"no answer to {method} {path} in {PATIENCE_S} s: {last}\n{self._last_words()}"
        )

    def _last_words(self) -> str:
        return (self.data.parent / "up.log").read_text()[-4000:]

    def _keep(self) -> None:
        while not self._stopping.wait(0.02):
            if self._process is not None and self._process.poll() is not None:
                self._launch()

    def _launch(self) -> None:
        command = [str(Path(sys.executable).parent / "rackrate"), "up"]
        command += ["--data", str(self.data), "--port", str(self.port)]
        command += ["--ssh-port", str(self.ssh_port)]
        log = (self.data.parent / "up.log").open("ab")
        environment = os.environ | {"HOME": str(self.data.parent), "XDG_CONFIG_HOME": ""}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )
        log.close()

    def _first_token(self) -> str:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            log = self.data.parent / "up.log"
            for line in log.read_text().splitlines() if log.exists() else ():
                if "shown this once" in line:
                    return line.split()[-1]
            time.sleep(0.05)
        raise AssertionError((self.data.parent / "up.log").read_text())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
