"""`rackrate up`: the screen, commands that work when pasted, and stopping and going on."""

import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.cli.program import PATIENCE_S, PROGRAM, Program

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Up:
    """A control plane that runs, and the screen that it came up with."""

    process: "subprocess.Popen[str]"
    screen: str

    @property
    def url(self) -> str:
        found = re.search(r"Portal +(https?://\S+)/", self.screen)
        assert found, self.screen
        return found[1]

    @property
    def commands(self) -> list[str]:
        """The three to try, as a person would copy them."""
        tried = self.screen.partition("Try, in another terminal:")[2]
        return [line.strip() for line in tried.splitlines() if line.startswith("  ")]

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_S)


@contextmanager
def up(rackrate: Program, data: Path, *more: str) -> Iterator[Up]:
    """`rackrate up` from the repository's root until the block ends."""
    command = [str(PROGRAM), "up", "--data", str(data), "--port", "0", "--ssh-port", "0", *more]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=rackrate.whole_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killer = threading.Timer(PATIENCE_S, process.kill)
    killer.start()
    try:
        yield Up(process, _screen(process))
    finally:
        killer.cancel()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def _screen(process: "subprocess.Popen[str]") -> str:
    """Everything up to the line that ends it."""
    assert process.stdout is not None
    screen = ""
    for line in process.stdout:
        screen += line
        if line.startswith("Ctrl-C"):
            return screen
    raise AssertionError(f"it did not come up: {screen}")


def pasted(rackrate: Program, command: str) -> str:
    """What a command of the screen says in another terminal, from the repository's root."""
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=ROOT,
        env=rackrate.whole_environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran
    return ran.stdout


def test_the_first_start_signs_in_shows_the_token_once_and_three_commands_that_work(
    nobody: Program, data: Path
) -> None:
    with up(nobody, data, "--demo") as first:
        token = re.search(r"Admin token, shown this once: +(rr_\w+)", first.screen)
        assert token and "a sample operator: nothing of it is real" in first.screen
        assert len(first.commands) == 3
        said = [pasted(nobody, command) for command in first.commands]
        assert "(simulated)" in said[0]
        lease = re.search(r"^(lse_\w+) runs on", said[1])
        assert lease and lease[1] in said[2]
        assert first.stop() == 0
    with up(nobody, data, "--demo") as second:
        assert "Admin token" not in second.screen
        again = Program(nobody.home, {"RACKRATE_URL": second.url, "RACKRATE_TOKEN": token[1]})
        assert is_phase(again, lease[1], "running")
        again.ok("lease", "end", lease[1])
        assert is_phase(again, lease[1], "ended")


def is_phase(rackrate: Program, lease: str, phase: str) -> bool:
    """Whether the lease gets there in time."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if rackrate("lease", "show", lease, "-o", "json").json["phase"] == phase:
            return True
    return False


def test_another_servers_profile_and_a_folder_in_use_are_left_alone(
    nobody: Program, data: Path
) -> None:
    file = nobody.home / ".config" / "rackrate" / "profile.toml"
    file.parent.mkdir(parents=True)
    file.write_text('url = "https://cloud.example"\ntoken = "rr_mine"\n')
    with up(nobody, data) as first:
        assert f"login {first.url}" in first.screen
        done = nobody("up", "--data", str(data), "--port", "0", "--ssh-port", "0")
        assert done.code == 1
        assert f"{data} is in use by process" in done.err
    assert "cloud.example" in file.read_text()


def test_what_is_kept_is_backed_up_restored_and_its_token_recovered(
    nobody: Program, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "all.backup"
    with up(nobody, data) as first:
        nobody.ok("backup", str(file), "--data", str(data))
        token = nobody.ok("token", "recover", "--data", str(data)).strip()
        mine = Program(nobody.home, {"RACKRATE_URL": first.url, "RACKRATE_TOKEN": token})
        assert mine("whoami").code == 0
        assert "[in_use]" in nobody("restore", str(file), "--data", str(data)).err
    refused = nobody("restore", str(file), "--data", str(data))
    assert refused.code == 1 and "--replace" in refused.err
    nobody.ok("restore", str(file), "--data", str(data), "--replace")
    with up(nobody, data) as second:
        later = Program(nobody.home, {"RACKRATE_URL": second.url, "RACKRATE_TOKEN": token})
        assert "this token is not known" in later("whoami").err


def test_it_does_not_listen_beyond_this_machine_without_tls(nobody: Program, data: Path) -> None:
    done = nobody("up", "--host", "0.0.0.0", "--data", str(data))
    assert (done.code, done.out) == (1, "")
    assert "give --tls-cert and --tls-key" in done.err
    assert not (data / "postgres").exists()


def test_over_tls_the_command_line_trusts_the_certificate_that_it_was_given(
    nobody: Program, data: Path, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    with up(nobody, data, "--tls-cert", str(certificate), "--tls-key", str(key)) as secure:
        url = secure.url
        assert url.startswith("https://127.0.0.1:")
        assert f"Server        {url}" in nobody.ok("whoami")
        stranger = Program(tmp_path, {"RACKRATE_URL": url, "RACKRATE_TOKEN": "rr_secret"})
        assert "[untrusted]" in stranger("whoami").err
        told = {**stranger.environment, "RACKRATE_CA": str(certificate)}
        assert "[unauthenticated]" in Program(tmp_path / "else", told)("whoami").err


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine's loopback, and its key."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    loopback = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        .sign(key, None)
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def test_where_nothing_is_kept_there_is_nothing_to_back_up(nobody: Program, data: Path) -> None:
    done = nobody("backup", "all.backup", "--data", str(data))
    assert done.code == 2
    assert "holds no Rackrate; name its folder with --data" in done.err
