"""A control plane put together from its parts, started and stopped."""

import asyncio
import contextlib
import gc
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from rackrate.app import doors, identity, manifest
from rackrate.app.identity import NewToken
from rackrate.app.ports import Engine, Store
from rackrate.app.world import Settings, World
from rackrate.core.errors import Invalid, RackrateError
from rackrate.core.ids import SiteId
from rackrate.core.inventory import Site
from rackrate.core.workload import Entry
from rackrate.engines.local.engine import LocalEngine
from rackrate.sim.channel import SimulatedChannel
from rackrate.sim.engine import SimEngine
from rackrate.ssh.door import Visit, parse
from rackrate.wiring.clock import RandomIds, SystemClock
from rackrate.wiring.postman import Postman, senders
from rackrate.wiring.runner import Runner


@dataclass(frozen=True, slots=True)
class Options:
    """How `rackrate up` was called. `database` empty: an embedded PostgreSQL in `data`.

    `first_files` are manifests (name, text) that the very first start applies.
    """

    data: Path
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    ssh_port: int = 2222
    first_files: tuple[tuple[str, str], ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    plain_for_customers: bool = False
    isolation: str | None = None
    smtp: str = ""
    mail_from: str = ""
    portal_url: str = ""
    private_webhooks: bool = False


class SiteEngines(Mapping[SiteId, Engine]):
    """One engine for each site, made when the site is first asked for: sites can be added."""

    def __init__(self, store: Store, clock: SystemClock, options: Options) -> None:
        self._store = store
        self._clock = clock
        self._options = options
        self._made: dict[SiteId, Engine] = {}
        self._lock = threading.Lock()

    def __getitem__(self, site: SiteId) -> Engine:
        made = self._made.get(site)
        if made is not None:
            return made
        with self._store.transaction() as tx:
            row = tx.peek(Site, site)
        if row is None or row.engine not in ("local", "sim"):
            raise KeyError(site)
        with self._lock:
            if site not in self._made:
                self._made[site] = self._make(row)
            return self._made[site]

    def __iter__(self) -> Iterator[SiteId]:
        with self._store.transaction() as tx:
            sites = tx.find(Site)
        return (site.id for site in sites)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _make(self, site: Site) -> Engine:
        folder = self._options.data / "sites" / site.id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if site.engine == "local":
            return LocalEngine(folder, self._clock, isolation=self._options.isolation)
        return SimEngine(self._clock, timedelta(seconds=1), folder / "journal.jsonl")


class Control:
    """A running control plane: database, world, loops, servers. `stop` ends it cleanly."""

    def __init__(self, options: Options) -> None:
        check(options)
        self.options = options
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._closing = contextlib.ExitStack()
        try:
            self._open()
        except BaseException:
            self._closing.close()
            raise

    def _open(self) -> None:
        options = self.options
        options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = self._store()
        clock = SystemClock()
        engines = SiteEngines(store, clock, options)
        settings = Settings(
            plain_for_customers=options.plain_for_customers,
            private_webhooks=options.private_webhooks,
            portal_url=options.portal_url,
        )
        channels = {SimulatedChannel.name: SimulatedChannel()}
        self.world = World(store, engines, clock, RandomIds(), settings, channels=channels)
        self.first_token: NewToken | None = identity.bootstrap(self.world)
        if options.first_files and self.first_token is not None:
            administrator = identity.administrator(self.world)
            manifest.apply(self.world, administrator, options.first_files, dry_run=False)

    def _store(self) -> Store:
        from rackrate.db.embedded import Embedded
        from rackrate.db.schema import migrate
        from rackrate.db.store import PostgresStore

        dsn = self.options.database
        if not dsn:
            embedded = Embedded(self.options.data)
            dsn = embedded.start()
            self._closing.callback(embedded.stop)
            self._watch(embedded)
        migrate(dsn)
        store = PostgresStore(dsn)
        self._closing.callback(store.close)
        return store

    def _watch(self, embedded: Any) -> None:
        """Start the embedded server again when it dies: it is ours to keep."""

        def watch() -> None:
            while not self._stopping.wait(0.5):
                if not embedded.running() and not self._stopping.is_set():
                    with contextlib.suppress(RackrateError, OSError):
                        embedded.start()

        self._spawn("database", watch)

    def start(self) -> None:
        """Begin to serve: the loops, the SSH gateway, and the API, which tells where that is."""
        # Nobody else can be on the database of a data folder that we hold.
        runner = Runner(self.world, self._stopping, alone=not self.options.database)
        self._spawn("loops", runner.run)
        self._spawn("outbox", self._postman().run)
        self._serve_ssh()
        self._warm_up()
        self._serve_http()

    def _postman(self) -> Postman:
        options = self.options
        carriers = senders(options.smtp, options.mail_from, options.private_webhooks)
        return Postman(self.world, carriers, self._stopping, alone=not options.database)

    def _warm_up(self) -> None:
        """Load every site's index, and let the garbage collector pass over all that stays.

        Looking through a large fleet for garbage stops every request for as long as it takes.
        """
        with self.world.store.transaction() as tx:
            sites = [site.id for site in tx.find(Site)]
        for site in sites:
            with self.world.store.transaction() as tx:
                tx.fleet(site)
        gc.collect()
        gc.freeze()

    def stop(self) -> None:
        """End everything that was started, last first. Workloads go on."""
        self._stopping.set()
        self.world.hints.wake()
        for thread in self._threads:
            if thread.name in ("loops", "outbox", "database"):
                thread.join(30)
        self._closing.close()

    def _spawn(self, name: str, run: Any) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve_http(self) -> None:
        import uvicorn

        from rackrate.api.app import create_app
        from rackrate.portal import page as portal
        from rackrate.portal.app import create_portal

        app = create_app(self.world, ssh_port=self.ssh_port)
        shown = portal.Options(
            secure=self.options.tls_cert is not None,
            gateway=self.options.host,
            gateway_port=self.ssh_port,
        )
        app.mount("/", create_portal(self.world, shown))
        tls: dict[str, Any] = {}
        if self.options.tls_cert and self.options.tls_key:
            tls = {"ssl_certfile": self.options.tls_cert, "ssl_keyfile": self.options.tls_key}
        config = uvicorn.Config(
            app,
            host=self.options.host,
            port=self.options.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
            **tls,
        )
        server = uvicorn.Server(config)
        bound = _bind(self.options.host, self.options.port, "port")
        self.port = bound.getsockname()[1]
        self._spawn("http", lambda: server.run(sockets=[bound]))
        self._closing.callback(lambda: setattr(server, "should_exit", True))
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)

    def _serve_ssh(self) -> None:
        """The gateway lives in an event loop of its own, in a thread of its own."""
        from rackrate.ssh.gateway import open_gateway

        eventloop = asyncio.new_event_loop()
        self._spawn("ssh", eventloop.run_forever)
        self._closing.callback(eventloop.call_soon_threadsafe, eventloop.stop)
        opening = open_gateway(
            LeaseDoor(self.world),
            self.options.host,
            self.options.ssh_port,
            self.options.data / "ssh_host_key",
        )
        try:
            gateway = asyncio.run_coroutine_threadsafe(opening, eventloop).result(30)
        except OSError as error:
            where = f"{self.options.host}:{self.options.ssh_port}"
            raise Invalid(
                "--ssh-port", f"cannot listen on {where} ({error.strerror}); choose another"
            ) from None
        self.ssh_port = gateway.port
        self._closing.callback(
            lambda: asyncio.run_coroutine_threadsafe(gateway.close(), eventloop).result(10)
        )


class LeaseDoor:
    """What the SSH gateway asks, answered by the use cases."""

    def __init__(self, world: World) -> None:
        self._world = world

    def admit(self, user: str, key: str) -> Visit | None:
        lease, rank = parse(user)
        holder = doors.holder_of(self._world, lease, key)
        return None if holder is None else Visit(lease, rank, holder)

    def entry(self, visit: Visit) -> Entry:
        return doors.way_in(self._world, visit.lease, visit.rank, visit.who)


def check(options: Options) -> None:
    """Invalid where what was asked for would not be safe or cannot be."""
    if (options.tls_cert is None) != (options.tls_key is None):
        raise Invalid("--tls-cert", "a certificate and its key are given together")
    senders(options.smtp, options.mail_from, options.private_webhooks)
    if options.tls_cert is None and not _is_loopback(options.host):
        raise Invalid(
            "--host", f"{options.host} is not this machine only: give --tls-cert and --tls-key"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        detail = (
            f"cannot listen on {host}:{port} ({error.strerror}); choose another with --{option}"
        )
        raise Invalid(f"--{option}", detail) from None
    return bound
