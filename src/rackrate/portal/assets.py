"""Static files under names that change with their content, so that they may be kept for ever."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_URL = re.compile(r'url\("([a-z0-9.-]+)"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: what it is, its bytes, and its bytes compressed where that helps."""

    media_type: str
    body: bytes
    packed: bytes | None


class Assets:
    """All static files, read once. `url` is where a page finds one; `at` is what is there."""

    def __init__(self, folder: Path = Path(__file__).parent / "static") -> None:
        self._urls: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        # Style sheets come last: they name other files.
        for name in sorted(names, key=lambda name: name.endswith(".css")):
            self._keep(name, (folder / name).read_bytes())

    def url(self, name: str) -> str:
        return f"/static/{self._urls[name]}"

    def at(self, hashed: str) -> Asset | None:
        return self._assets.get(hashed)

    @property
    def urls(self) -> Mapping[str, str]:
        return self._urls

    def _keep(self, name: str, body: bytes) -> None:
        path = Path(name)
        if path.suffix == ".css":
            body = _URL.sub(lambda m: f'url("{self._urls[m[1]]}")', body.decode()).encode()
        mark = hashlib.sha256(body).hexdigest()[:12]
        hashed = f"{path.with_suffix('')}.{mark}{path.suffix}"
        text = path.suffix != ".woff2"
        packed = gzip.compress(body, 6, mtime=0) if text and len(body) > 512 else None
        self._urls[name] = hashed
        self._assets[hashed] = Asset(TYPES[path.suffix], body, packed)
