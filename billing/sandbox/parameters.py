"""Form-encoded parameters as Stripe's SDK writes them (`metadata[reference]=…`, `expand[0]=…`), checked by a struct."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_type_hints

import msgspec

from billing.sandbox.errors import ApiError

T = TypeVar("T", bound=msgspec.Struct)

_PART = re.compile(r"\[([^\[\]]*)\]")

# Removed with the API version that we speak; Stripe has a code of its own for it.
_NO_LONGER = {"payment_method_types": "payment_method_types_no_longer_supported"}


def decoded(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return nested dictionaries and lists. Raises `ApiError`."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head, _, rest = name.partition("[")
        path = [head, *_PART.findall("[" + rest)] if rest else [head]
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise ApiError(400, "", f"Invalid parameter: {name}", param=head)
        place[path[-1]] = value
    return {name: _with_lists(value) for name, value in tree.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(name == "" or name.isdigit() for name in value):
        return [_with_lists(value[name]) for name in sorted(value, key=lambda name: int(name or 0))]
    return {name: _with_lists(inner) for name, inner in value.items()}


def asked(kind: type[T], parameters: Mapping[str, Any]) -> T:
    """Return the struct. Raises `ApiError`: parameter_unknown, parameter_missing, parameter_invalid…."""
    _known(kind, parameters, "")
    try:
        return msgspec.convert(parameters, kind, strict=False)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("`$.")[2].rstrip("`") if "`$." in str(error) else ""
        code = "parameter_invalid_integer" if "Expected `int" in str(error) else ""
        raise ApiError(400, code, f"Invalid value for {where}.", param=where) from None


def _known(kind: type[msgspec.Struct], parameters: Mapping[str, Any], prefix: str) -> None:
    hints = get_type_hints(kind)
    for name, value in parameters.items():
        full = f"{prefix}[{name}]" if prefix else name
        if name in _NO_LONGER:
            raise ApiError(400, _NO_LONGER[name], f"{full} is no longer supported.", param=full)
        if name not in kind.__struct_fields__:
            raise ApiError(400, "parameter_unknown", f"Received unknown parameter: {full}", param=full)
        inner = hints[name]
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            if not isinstance(value, dict):
                raise ApiError(400, "", f"Invalid object: {full}", param=full)
            _known(inner, value, full)
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in parameters:
            full = f"{prefix}[{field.name}]" if prefix else field.name
            raise ApiError(400, "parameter_missing", f"Missing required param: {full}.", param=full)
