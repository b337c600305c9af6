"""`expand`: an object in the place of its id (https://docs.stripe.com/api/expanding_objects)."""

from typing import Any

from billing.sandbox.books import Books
from billing.sandbox.errors import ApiError
from billing.sandbox.shapes import Shape, shown

_DEEPEST = 4


def expanded(shape: Shape, paths: list[str], books: Books) -> Shape:
    """Return the shape with what stands at each path in place of its id. Raises `ApiError`."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST:
            raise ApiError(400, "", "At most four levels can be expanded.", param="expand")
        _open(shape, parts, path, books)
    return shape


def _open(place: Any, parts: list[str], path: str, books: Books) -> None:
    if not parts:
        return
    if isinstance(place, list):
        for item in place:
            _open(item, parts, path, books)
        return
    name, rest = parts[0], parts[1:]
    if name not in place:
        raise ApiError(400, "", f"{path} cannot be expanded.", param="expand")
    value = place[name]
    if isinstance(value, str):
        record = books.named(value)
        if record is None:
            raise ApiError(400, "", f"This is no object ({path}).", param="expand")
        value = place[name] = shown(record, books)
    if value is not None:
        _open(value, rest, path, books)
