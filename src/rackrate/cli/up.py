"""`rackrate up`: runs the cloud until it is told to stop, and says how to reach it."""

import contextlib
import os
import shlex
import shutil
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rackrate.cli import profile
from rackrate.cli.failure import Failure
from rackrate.cli.local import HOME, Data, Database, own_words
from rackrate.cli.shape import command

if TYPE_CHECKING:
    from rackrate.wiring import Control, Options

up = command()
EVERYWHERE = ("0.0.0.0", "::")
EXAMPLES = Path(__file__).parents[3] / "examples" / "demo"


Smtp = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="RACKRATE_SMTP",
        help="Where mail goes out: smtps://USER:PASSWORD@HOST, or smtp:// for STARTTLS.",
    ),
]
MailFrom = Annotated[
    str, typer.Option(metavar="ADDRESS", envvar="RACKRATE_MAIL_FROM", help="Whose mail it is.")
]
PortalUrl = Annotated[
    str, typer.Option(metavar="URL", envvar="RACKRATE_PORTAL_URL", help="For links in messages.")
]
PrivateWebhooks = Annotated[
    bool, typer.Option("--private-webhooks", help="Customers' webhooks may be on this network.")
]
PlainForCustomers = Annotated[
    bool, typer.Option("--plain-for-customers", help="Even where nothing keeps them apart.")
]


@up.command()
def _up(
    demo: Annotated[
        bool, typer.Option("--demo", help="Begin with a sample operator, in a new data folder.")
    ] = False,
    data: Data = HOME,
    database: Database = "",
    host: Annotated[str, typer.Option(help="Beyond this machine only with TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Portal and API; 0: any.")] = 8080,
    ssh_port: Annotated[int, typer.Option(min=0, max=65535, help="SSH; 0: any.")] = 2222,
    tls_cert: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    tls_key: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    plain_for_customers: PlainForCustomers = False,
    smtp: Smtp = "",
    mail_from: MailFrom = "",
    portal_url: PortalUrl = "",
    private_webhooks: PrivateWebhooks = False,
) -> None:
    """Run the cloud: portal, API, SSH gateway and loops. Ctrl-C stops it; leases go on."""
    stopping = _stop_when_told()
    with own_words():
        from rackrate.wiring import Options

        options = Options(
            data=data.absolute(),
            database=database,
            host=host,
            port=port,
            ssh_port=ssh_port,
            first_files=_sample(data) if demo else (),
            tls_cert=tls_cert,
            tls_key=tls_key,
            plain_for_customers=plain_for_customers,
            smtp=smtp,
            mail_from=mail_from,
            portal_url=portal_url,
            private_webhooks=private_webhooks,
        )
        _run(options, demo, stopping)


def _run(options: "Options", demo: bool, stopping: threading.Event) -> None:
    from rackrate.wiring import Control

    control = Control(options)
    try:
        control.start()
        _screen(control, demo)
        stopping.wait()
        print("Stopping; leases go on.", flush=True)
    finally:
        control.stop()


def _stop_when_told() -> threading.Event:
    """Set by Ctrl-C, by a terminal that closes, and by whoever supervises us."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _sample(data: Path) -> tuple[tuple[str, str], ...]:
    """The sample operator's files, and one for this machine as it is."""
    files = sorted(EXAMPLES.glob("*.yaml"))
    if not files:
        raise Failure("the sample operator comes with the repository; apply files of your own")
    sample = [(f"examples/demo/{file.name}", file.read_text()) for file in files]
    return (*sample, ("this machine", _this_machine(data)))


def _this_machine(data: Path) -> str:
    from rackrate.app.manifest import Detected, DetectedGpu, local_site_manifest
    from rackrate.engines.local.devices import detect

    machine = detect(data)
    gpus = tuple(
        DetectedGpu(device.model, device.memory_mib)
        for device in machine.devices
        if device.kind == "gpu"
    )
    found = Detected(socket.gethostname(), machine.cpus, machine.memory_mib, machine.disk_mib, gpus)
    return local_site_manifest(found)


def _screen(control: "Control", demo: bool) -> None:
    """Where everything is, the token if this is the first start, and what to try."""
    options = control.options
    url, host = _address(control)
    lines = [
        "",
        f"Rackrate is up{', with a sample operator: nothing of it is real' if demo else ''}.",
        "",
        f"  Portal    {url}/",
        f"  API       {url}/v1",
        f"  API docs  {url}/docs",
        f"  SSH       ssh -p {control.ssh_port} LEASE@{host}",
        f"  Data      {options.data}",
    ]
    token = None if control.first_token is None else control.first_token.secret
    if token:
        lines += ["", f"  Admin token, shown this once:  {token}"]
    lines += ["", *_signing_in(control, url, token), "", "Try, in another terminal:", ""]
    lines += [f"  {line}" for line in _commands(control, demo)]
    print("\n".join([*lines, "", "Ctrl-C stops it; leases go on."]), flush=True)


def _address(control: "Control") -> tuple[str, str]:
    """Where it is reached: the URL, and the host for SSH."""
    options = control.options
    host = socket.gethostname() if options.host in EVERYWHERE else options.host
    scheme = "https" if options.tls_cert else "http"
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{control.port}", host


def _signing_in(control: "Control", url: str, token: str | None) -> list[str]:
    """Make the commands below work for whoever started this, without touching another profile."""
    kept: profile.Profile | None = None
    with contextlib.suppress(Failure):
        kept = profile.saved()
        if token and (kept is None or kept.url == url):
            cert = control.options.tls_cert
            vouching = str(cert.absolute()) if cert else ""
            file = profile.save(profile.Profile(url, token, vouching))
            return [f"You are signed in on the command line: the token is in {file}."]
    if kept is not None and kept.url == url and _known(control, kept.token):
        return [f"You are signed in on the command line, as {profile.path()} says."]
    lines = [f"Sign in on the command line with:  {program()} login {url}"]
    if not token:
        lost = f"{program()} token recover --data {shlex.quote(str(control.options.data))}"
        lines.append(f"Make a new admin token with:        {lost}")
    return lines


def _known(control: "Control", token: str) -> bool:
    """Whether the token that was kept opens this server: another may have been here before."""
    from rackrate.app import identity
    from rackrate.core.errors import Unauthenticated

    try:
        identity.sign_in(control.world, token)
    except Unauthenticated:
        return False
    return True


def program() -> str:
    """How this program is called from where it was started, as short as works when pasted."""
    here = Path(sys.argv[0]).absolute()
    found = shutil.which("rackrate")
    if found and os.path.realpath(found) == os.path.realpath(here):
        return "rackrate"
    try:
        return shlex.quote(str(here.relative_to(Path.cwd())))
    except ValueError:
        return shlex.quote(str(here))


def _commands(control: "Control", demo: bool) -> list[str]:
    """Three commands that work when pasted."""
    name = program()
    if not demo:
        return [f"{name} whoami", f"{name} apply --dry-run -f FLEET.yaml", f"{name} node list"]
    sku = _real_sku(control)
    hello = "--command 'echo Hello from a lease; sleep 600' --wait"
    return [
        f"{name} sku list",
        f"{name} lease start --project house-lab --sku {sku} {hello}",
        f"{name} lease list",
    ]


def _real_sku(control: "Control") -> str:
    """What this machine itself sells; else one that is simulated."""
    from rackrate.core.inventory import Site, Sku

    with control.world.store.transaction() as tx:
        real = {site.id for site in tx.find(Site) if not site.simulated}
        sold = [sku.id for sku in tx.find(Sku) if sku.site in real and not sku.whole_node]
    return sold[0] if sold else "h100.1"
