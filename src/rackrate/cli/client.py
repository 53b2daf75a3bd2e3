"""The HTTP client of the commands: the standard library's, so that it starts at once."""

import http.client
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from rackrate.cli.failure import Failure
from rackrate.cli.profile import Profile, current

# A month close of a large operator is the longest single answer.
PATIENCE_S = 120.0
PAUSES_S = (0.1, 0.3, 1.0)
# What is listed with `rackrate KIND list`, for who asked for one that is not there.
LISTED = frozenset(
    {
        "address",
        "channel",
        "chip",
        "contract",
        "customer",
        "invoice",
        "key",
        "lease",
        "node",
        "notification",
        "project",
        "quote",
        "site",
        "sku",
    }
)
LOOPBACK = frozenset({"localhost", "::1"})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, once it was a yes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


def path(*parts: str) -> str:
    """`/v1/leases/lse_1/stop` of its parts, each safe whatever is in it."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


class Client:
    """One server, asked over one connection that is kept."""

    def __init__(self, profile: Profile) -> None:
        at = urlsplit(profile.url)
        if at.scheme not in ("http", "https") or not at.hostname:
            raise Failure(f"{profile.url!r} is not a server's address; write https://HOST[:PORT]")
        if at.scheme == "http" and not _loopback(at.hostname) and profile.token:
            raise Failure(
                f"a token does not travel to {at.hostname} over plain HTTP; use https, or a tunnel"
            )
        self.profile = profile
        self._prefix = at.path.rstrip("/")
        self._connection = _connection(profile)

    def get(self, path: str, **query: object) -> Any:
        return self.request("GET", path, query).json

    def post(self, path: str, body: object = None, **query: object) -> Any:
        return self.request("POST", path, query, {} if body is None else body).json

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path).json

    def every(self, path: str, **query: object) -> Iterator[Row]:
        """The rows of all pages."""
        page = self.get(path, **query)
        yield from page["items"]
        while page.get("next"):
            page = self.get(path, **query, after=page["next"])
            yield from page["items"]

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: object = None,
    ) -> Answer:
        """The answer, or a Failure. A lost connection is tried again with the same key, which the
        server carries out once.
        """
        headers = {"Accept": "application/json, text/plain", "User-Agent": "rackrate"}
        if self.profile.token:
            headers["Authorization"] = f"Bearer {self.profile.token}"
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogateescape")
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = os.urandom(16).hex()
        answer = self._deliver(method, self._prefix + path + _query(query), data, headers)
        if answer.status >= 400:
            raise refusal(answer)
        return answer

    def _deliver(
        self, method: str, target: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        for pause in (*PAUSES_S, None):
            try:
                self._connection.request(method, target, data, headers)
                got = self._connection.getresponse()
                named = {name.lower(): value for name, value in got.getheaders()}
                return Answer(got.status, named, got.read())
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if pause is None or "CERTIFICATE" in str(error):
                    raise self._away(error) from None
                time.sleep(pause)
        raise AssertionError("the last pause is None")

    def _away(self, error: Exception) -> Failure:
        url = self.profile.url
        if "mismatch" in str(error):
            return Failure(f"the certificate of {url} is for another name; use that", "untrusted")
        if "CERTIFICATE" in str(error):
            return Failure(
                f"nobody that this machine trusts vouches for {url}; name the certificate with "
                "RACKRATE_CA=FILE",
                "untrusted",
            )
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Failure(
            f"no Rackrate answers at {url} ({why}); start one with: rackrate up, or name another "
            "with: rackrate login URL",
            "unreachable",
        )


def connect() -> Client:
    """A client of the server that counts now."""
    return Client(current())


def refusal(answer: Answer) -> Failure:
    """The server's no, in the server's own words, with where to look next."""
    try:
        problem = json.loads(answer.body)
        detail, reason = str(problem["detail"]), str(problem.get("reason", ""))
    except (ValueError, KeyError, TypeError):
        return Failure(
            f"the server answered {answer.status}, and not as Rackrate does; is the address right?",
            "not_rackrate",
        )
    detail = detail.splitlines()[0] if detail else f"the server answered {answer.status}"
    if answer.status == 401:
        detail = f"{detail.split('; ')[0]}; sign in with: rackrate login URL"
    if reason == "missing" and problem.get("kind") in LISTED:
        detail = f"{detail}; see: rackrate {problem['kind']} list"
    if answer.status >= 500 and problem.get("request_id"):
        detail = f"{detail}; the server's log has more under {problem['request_id']}"
    return Failure(detail, reason, lines=_mistakes(problem) or _instead(problem))


def _mistakes(problem: Mapping[str, Any]) -> tuple[str, ...]:
    """Each mistake with its place, as `fleet.yaml:12: …`, where there is more than one."""
    places = problem.get("problems", ())
    lines = [f"{one['file']}:{one['line']}: {one['detail']}" for one in places]
    lines += [f"{one['field']}: {one['detail']}" for one in problem.get("errors", ())]
    return tuple(lines) if len(lines) > 1 else ()


def _instead(problem: Mapping[str, Any]) -> tuple[str, ...]:
    """What would do instead of what was refused, where the server says so."""
    return tuple(f"  {one['way']}: {one['said']}" for one in problem.get("alternatives", ()))


def _query(query: Mapping[str, object] | None) -> str:
    given = {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None and value != ""
    }
    return f"?{urlencode(given)}" if given else ""


def _loopback(host: str) -> bool:
    return host in LOOPBACK or host.startswith("127.")


def _connection(profile: Profile) -> http.client.HTTPConnection:
    at = urlsplit(profile.url)
    host = at.hostname or ""
    try:
        if at.scheme == "http":
            return http.client.HTTPConnection(host, at.port, timeout=PATIENCE_S)
        import ssl

        trust = ssl.create_default_context()
        if profile.authority:
            trust.load_verify_locations(cafile=profile.authority)
        return http.client.HTTPSConnection(host, at.port, timeout=PATIENCE_S, context=trust)
    except OSError as error:
        raise Failure(f"{profile.authority} is no certificate: {error.strerror}") from None
    except ValueError:
        raise Failure(f"{profile.url!r} has no valid port; write https://HOST[:PORT]") from None
