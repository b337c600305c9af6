"""The files under web/static, read into memory at start: an address that names none of them cannot reach a disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web as aioweb

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    version: str


class StaticFiles:
    """Serves them with a version in the address (`?v=`), which browsers may keep for ever, or without one."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.relative_to(folder).as_posix(): _read(path) for path in _served(folder)}

    def url(self, path: str) -> str:
        """Return the address of a file, version included. Raises `KeyError` when there is no such file."""
        return f"/static/{path}?v={self._files[path].version}"

    def answer(self, request: aioweb.Request) -> aioweb.Response:
        """Return the file, or 304 when the browser has it. Raises `HTTPNotFound`.

        Modules import each other without a version, so those are asked for again each time and answered by 304.
        """
        file = self._files.get(request.match_info["path"])
        if file is None:
            raise aioweb.HTTPNotFound
        fixed = request.query.get("v") == file.version
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if fixed else "no-cache",
            "ETag": f'"{file.version}"',
        }
        if any(tag.value in {file.version, "*"} for tag in request.if_none_match or ()):
            return aioweb.Response(status=304, headers=headers)
        return aioweb.Response(body=file.body, headers={**headers, "Content-Type": file.content_type})


def _served(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TYPES)


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:16])
