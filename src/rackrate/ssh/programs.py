"""What runs inside a lease for each thing that an SSH client may ask for."""

import re
from collections.abc import Mapping

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHELL = 'exec "${SHELL:-/bin/sh}" -l'
COMMAND = 'exec "${SHELL:-/bin/sh}" -c "$1"'
SFTP = """
for server in /usr/lib/openssh/sftp-server /usr/lib/ssh/sftp-server \
    /usr/libexec/openssh/sftp-server /usr/libexec/sftp-server /usr/lib/sftp-server; do
  [ -x "$server" ] && exec "$server"
done
echo "this image has no sftp-server: install openssh-sftp-server in it, or use rsync or scp -O" >&2
exit 127
"""


def program(
    command: str | None, subsystem: str | None, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """The words to put behind an entry. What the client set goes in by `env`, once inside."""
    if subsystem:
        inner: tuple[str, ...] = ("/bin/sh", "-c", SFTP)
    elif command is None:
        inner = ("/bin/sh", "-c", SHELL)
    else:
        inner = ("/bin/sh", "-c", COMMAND, "sh", command)
    given = [f"{name}={value}" for name, value in environment.items() if VARIABLE.fullmatch(name)]
    return ("env", *given, *inner) if given else inner
