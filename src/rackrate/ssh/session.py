"""One SSH session: a program inside a lease, on pipes or on a terminal."""

import asyncio
import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable, Mapping
from typing import Protocol

import asyncssh

from rackrate.core.errors import RackrateError
from rackrate.core.workload import Entry
from rackrate.ssh.door import Door, Visit
from rackrate.ssh.programs import program

CHUNK = 65536
HIGH_WATER = 1 << 20
LAST_WORDS_SECONDS = 0.5
HANG_UP_SECONDS = 3.0
FAREWELL_SECONDS = 1.0


class Feed(Protocol):
    """Where the client's bytes go."""

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...

    async def drain(self) -> None: ...


class Session(asyncssh.SSHServerSession[bytes]):
    """Built by the gateway for a visitor who has shown a key."""

    def __init__(self, door: Door, visit: Visit, live: "set[Session]") -> None:
        self._live = live
        self._door = door
        self._visit = visit
        self._command: str | None = None
        self._subsystem: str | None = None
        self._terminal = False
        self._master = -1
        self._process: asyncio.subprocess.Process | None = None
        self._feed: Feed | None = None
        self._fed = asyncio.Event()
        self._pending: list[bytes | None] = []
        self._writable = asyncio.Event()
        self._writable.set()

    # What the client asks for.

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._chan = chan

    def pty_requested(
        self,
        term_type: str,
        term_size: tuple[int, int, int, int],
        term_modes: Mapping[int, int],
    ) -> bool:
        self._terminal = True
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        self._subsystem = subsystem
        return subsystem == "sftp"

    def session_started(self) -> None:
        self.running = asyncio.ensure_future(self._run())
        self.running.add_done_callback(lambda _: self._live.discard(self))
        self._live.add(self)

    async def end(self) -> None:
        """For a gateway that closes: the program is hung up on, and its readers end with it."""
        self._signal(signal.SIGHUP)  # first, as a launcher that is killed cannot pass it on
        await asyncio.wait([self.running], timeout=FAREWELL_SECONDS)
        self._signal(signal.SIGKILL)
        self.running.cancel()
        await asyncio.wait([self.running])
        if self._process:
            await self._process.wait()

    # What the client sends.

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._pending.append(data)
        self._fed.set()
        if sum(len(each or b"") for each in self._pending) > HIGH_WATER:
            self._chan.pause_reading()

    def eof_received(self) -> bool:
        self._pending.append(None)
        self._fed.set()
        return True  # what the program still says must reach the client

    async def _feeding(self) -> None:
        """Hand the client's bytes on, no faster than the program takes them."""
        while True:
            await self._fed.wait()
            self._fed.clear()
            feed = self._feed
            if feed is None:
                continue  # woken again once there is something to feed
            pending, self._pending = self._pending, []
            for data in pending:
                try:
                    if data is None:
                        feed.write_eof()
                    else:
                        feed.write(data)
                        await feed.drain()
                except OSError:
                    return  # it no longer listens; its end will tell the client
            self._chan.resume_reading()

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        self._size(width, height, pixwidth, pixheight)

    def _size(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._master >= 0:
            size = struct.pack(
                "HHHH", *(min(n, 65535) for n in (height, width, pixwidth, pixheight))
            )
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
            self._signal(signal.SIGWINCH)  # for launchers that keep a second terminal inside

    def signal_received(self, signame: str) -> None:
        number = getattr(signal, f"SIG{signame}", None)
        if isinstance(number, signal.Signals):
            self._signal(number)

    def break_received(self, msec: int) -> bool:
        self._signal(signal.SIGINT)
        return True

    def _signal(self, number: signal.Signals) -> None:
        """To the launcher and all it started: it leads a group of its own."""
        if self._process and self._process.returncode is None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return

    # What the program says.

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def _run(self) -> None:
        feeding = asyncio.ensure_future(self._feeding())
        try:
            await self._run_program()
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])

    async def _run_program(self) -> None:
        try:
            entry = await asyncio.to_thread(self._door.entry, self._visit)
        except RackrateError as error:
            self._refuse(error.detail)
            return
        environment = dict(self._chan.get_environment())
        if self._terminal:
            environment["TERM"] = self._chan.get_terminal_type() or "dumb"
        words = (*entry.argv, *program(self._command, self._subsystem, environment))
        try:
            code = await (self._on_terminal if self._terminal else self._on_pipes)(words, entry)
        except OSError as error:
            self._refuse(f"{self._visit.lease} cannot be entered now: {error.strerror}")
            return
        if not self._chan.is_closing():
            if code >= 0:
                self._chan.exit(code)
            else:
                self._chan.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))

    def _refuse(self, detail: str) -> None:
        end = b"\r\n" if self._terminal else b"\n"
        self._chan.write_stderr(f"rackrate: {detail}".encode() + end)
        self._chan.exit(1)

    async def _on_pipes(self, words: tuple[str, ...], entry: Entry) -> int:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            cwd=entry.cwd,
            env=dict(entry.env),
            start_new_session=True,
        )
        self._process = process
        assert process.stdin and process.stdout and process.stderr
        self._listen_to_client(process.stdin)
        await asyncio.gather(
            self._pump(process.stdout, None),
            self._pump(process.stderr, asyncssh.EXTENDED_DATA_STDERR),
        )
        return await process.wait()

    def _listen_to_client(self, feed: Feed) -> None:
        self._feed = feed
        self._fed.set()

    async def _pump(self, reader: asyncio.StreamReader, kind: asyncssh.DataType) -> None:
        while data := await reader.read(CHUNK):
            if self._chan.is_closing():
                return
            self._chan.write(data, kind)
            await self._writable.wait()

    async def _on_terminal(self, words: tuple[str, ...], entry: Entry) -> int:
        self._master, slave = os.openpty()
        try:
            self._size(*self._chan.get_terminal_size())
            os.set_blocking(self._master, False)
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=entry.cwd,
                env=dict(entry.env),
                start_new_session=True,
            )
        finally:
            os.close(slave)
        self._process = process
        self._listen_to_client(Terminal(self._master))
        talk = asyncio.ensure_future(self._hear_terminal())
        code = await process.wait()
        # What was left running may hold the terminal for ever: nobody waits for that.
        await asyncio.wait([talk], timeout=LAST_WORDS_SECONDS)
        talk.cancel()
        master, self._master, self._feed = self._master, -1, None
        os.close(master)
        return code

    async def _hear_terminal(self) -> None:
        while data := await _read(self._master):
            if self._chan.is_closing():
                return
            self._chan.write(data)
            await self._writable.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone, or has what it came for: nothing of it stays behind."""
        self._writable.set()
        if self._process and self._process.stdin:
            self._process.stdin.close()
        self._signal(signal.SIGHUP)
        loop = asyncio.get_running_loop()
        loop.call_later(HANG_UP_SECONDS, self._signal, signal.SIGKILL)


class Terminal:
    """The gateway's end of a pseudo-terminal, as something to feed."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._unsent = b""

    def write(self, data: bytes) -> None:
        self._unsent += data

    def write_eof(self) -> None:
        self._unsent += b"\x04"

    async def drain(self) -> None:
        while self._unsent:
            try:
                self._unsent = self._unsent[os.write(self._master, self._unsent) :]
            except BlockingIOError:
                await _ready(self._master, asyncio.get_running_loop().add_writer)


async def _read(handle: int) -> bytes:
    """What a terminal says next; nothing once its other end is closed, which Linux calls EIO."""
    while True:
        try:
            return os.read(handle, CHUNK)
        except BlockingIOError:
            await _ready(handle, asyncio.get_running_loop().add_reader)
        except OSError:
            return b""


async def _ready(handle: int, watch: Callable[..., None]) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    watch(handle, tell)
    try:
        await ready
    finally:
        (loop.remove_reader if watch == loop.add_reader else loop.remove_writer)(handle)
