"""SSH keys: OpenSSH's own fingerprints, nothing but public keys, and nothing echoed."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from rackrate.app import customers, keys
from rackrate.app.rows import KINDS
from rackrate.core.access import Role
from rackrate.core.errors import Conflict, Forbidden, Invalid, Missing
from rackrate.core.ids import ProjectId
from rackrate.core.parties import SshKey
from tests.build import CUSTOMERS, SMALL, Built, build

TRAIN, RENDER = ProjectId("robotics-train"), ProjectId("studio-render")
ED25519 = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIqS2cVLWGHJxVGYlkZ4x2F0TN0SJuCuUGGGfVRDS9Wd ann@example"
)
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAAsecretsecret\n-----END"


@pytest.fixture
def built() -> Built:
    return build(SMALL, CUSTOMERS)


def wire(*parts: bytes) -> str:
    joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.b64encode(joined).decode()


def rsa(bits: int) -> str:
    modulus = b"\0" + (1 << (bits - 1) | 1).to_bytes(bits // 8, "big")
    return f"ssh-rsa {wire(b'ssh-rsa', bytes([1, 0, 1]), modulus)}"


def test_a_key_keeps_its_comment_as_its_name(built: Built) -> None:
    added = keys.add_key(built.world, built.admin, TRAIN, f"  {ED25519}\n")
    assert added.name == "ann@example"
    assert added.public_key == ED25519.rsplit(" ", 1)[0]
    assert keys.list_keys(built.world, built.admin, TRAIN) == [added]


@pytest.mark.parametrize("kind", [["ed25519"], ["rsa", "-b", "2048"], ["ecdsa", "-b", "384"]])
def test_fingerprints_are_those_of_openssh(tmp_path: Path, kind: list[str]) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        pytest.skip("cannot run on this machine: ssh-keygen is not installed")
    path = tmp_path / "key"
    subprocess.run(
        [keygen, "-q", "-N", "", "-C", "a b", "-f", str(path), "-t", *kind], check=True, timeout=60
    )
    told = subprocess.run([keygen, "-lf", str(path)], check=True, capture_output=True, text=True)
    key = keys.parse_public_key((tmp_path / "key.pub").read_text())
    assert key.fingerprint == told.stdout.split()[1]
    assert key.comment == "a b"
    with pytest.raises(Invalid, match="THIS IS A PRIVATE KEY"):
        keys.parse_public_key(path.read_text())


def test_a_private_key_is_refused_loudly_and_never_repeated(built: Built) -> None:
    for text in (
        PRIVATE,
        "PuTTY-User-Key-File-2: ssh-rsa secret",
        "b3BlbnNzaC1rZXktdjEAAAAAsecret",
    ):
        with pytest.raises(Invalid) as caught:
            keys.add_key(built.world, built.admin, TRAIN, text)
        assert "THIS IS A PRIVATE KEY" in caught.value.detail
    with built.world.store.transaction() as tx:
        assert all("secret" not in repr(tx.find(kind)) for kind in KINDS if kind is not SshKey)
        assert tx.find(SshKey) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must begin with its type"),
        ("hello", "must begin with its type, one of: ssh-ed25519"),
        ("ssh-dss AAAA", "must begin with its type"),
        ('command="x" ssh-ed25519 AAAA', "must begin with its type"),
        ("ssh-ed25519", "is damaged"),
        ("ssh-ed25519 !!!!", "is damaged"),
        (ED25519.split()[0] + " " + ED25519.split()[1][:40], "is damaged"),
        ("ssh-rsa " + ED25519.split()[1], "what it holds is not a key of type ssh-rsa"),
        (f"ssh-ed25519 {wire(b'ssh-ed25519', b'x' * 31)}", "an ed25519 key has 32 bytes"),
        (rsa(1024), "an RSA key of 1024 bits is too weak; at least 2048"),
        (f"{ED25519}\n{ED25519}", "must be one line"),
        ("ssh-rsa " + "A" * 20_000, "must be one line"),
    ],
)
def test_what_is_no_public_key_is_refused(built: Built, text: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        keys.add_key(built.world, built.admin, TRAIN, text)
    assert said in caught.value.detail
    assert keys.list_keys(built.world, built.admin, TRAIN) == []


def test_a_strong_rsa_key_is_taken() -> None:
    assert keys.parse_public_key(rsa(2048)).fingerprint.startswith("SHA256:")


def test_the_same_key_is_taken_once_a_project(built: Built) -> None:
    first = keys.add_key(built.world, built.admin, TRAIN, ED25519)
    with pytest.raises(Conflict, match="has this key already, as 'ann@example'"):
        keys.add_key(built.world, built.admin, TRAIN, ED25519.replace("ann", "bob"), "again")
    keys.add_key(built.world, built.admin, RENDER, ED25519)
    keys.remove_key(built.world, built.admin, first.id)
    keys.add_key(built.world, built.admin, TRAIN, ED25519)


def test_a_project_has_its_own_keys_and_another_is_not_found(built: Built) -> None:
    owner = built.actor("ann@robotics.example", Role.OWNER, "robotics")
    other = keys.add_key(built.world, built.admin, RENDER, ED25519)
    for act in (
        lambda: keys.add_key(built.world, owner, RENDER, ED25519),
        lambda: keys.list_keys(built.world, owner, RENDER),
        lambda: keys.remove_key(built.world, owner, other.id),
    ):
        with pytest.raises(Missing):
            act()
    keys.add_key(built.world, owner, TRAIN, ED25519)


def test_a_guest_may_look_at_keys_and_add_none(built: Built) -> None:
    guest = built.actor("cay@robotics.example", Role.GUEST, "robotics", "robotics-train")
    assert keys.list_keys(built.world, guest, TRAIN) == []
    with pytest.raises(Forbidden):
        keys.add_key(built.world, guest, TRAIN, ED25519)
    assert customers.show_project(built.world, guest, TRAIN).id == TRAIN


def test_a_project_has_a_hundred_keys_at_most(built: Built) -> None:
    for number in range(100):
        text = f"ssh-ed25519 {wire(b'ssh-ed25519', number.to_bytes(32, 'big'))}"
        keys.add_key(built.world, built.admin, TRAIN, text)
    with pytest.raises(Invalid, match="at most 100 keys"):
        keys.add_key(built.world, built.admin, TRAIN, ED25519)
