"""Where the server is, and the token for it: from the environment, else from the user's profile."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from rackrate.cli.failure import Failure

LOCAL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Profile:
    """`authority` is a file with the certificate that vouches for the server, when it is not one
    that this machine trusts anyway.
    """

    url: str
    token: str = ""
    authority: str = ""


def path() -> Path:
    """The profile of whoever runs this."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(folder) / "rackrate" / "profile.toml"


def saved() -> Profile | None:
    """The profile on disk; None when there is none."""
    file = path()
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Failure(f"{file} cannot be read ({error.strerror}); make it yours: chown") from None
    try:
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
        values = {name.strip(): str(json.loads(value)) for name, value in pairs}
        return Profile(values["url"], values.get("token", ""), values.get("authority", ""))
    except (KeyError, ValueError):
        raise Failure(f"{file} is damaged; write it anew with: rackrate login URL") from None


def current() -> Profile:
    """What counts now: RACKRATE_URL, RACKRATE_TOKEN and RACKRATE_CA win over the file.

    The file's token goes to the file's server only, never to one that the environment names.
    """
    environment = os.environ
    url, token = environment.get("RACKRATE_URL"), environment.get("RACKRATE_TOKEN")
    kept = None if url and token else saved()
    if url and kept is not None and kept.url != url.rstrip("/"):
        kept = None
    kept = kept or Profile(LOCAL)
    return Profile(
        (url or kept.url).rstrip("/"),
        token or kept.token,
        environment.get("RACKRATE_CA") or kept.authority,
    )


def save(profile: Profile) -> Path:
    """Write the profile so that nobody else can read it: whole, or not at all."""
    file = path()
    lines = [f"url = {json.dumps(profile.url)}", f"token = {json.dumps(profile.token)}"]
    if profile.authority:
        lines.append(f"authority = {json.dumps(profile.authority)}")
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write("\n".join(lines) + "\n")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Failure(f"{file} cannot be written: {error.strerror}") from None
    return file
