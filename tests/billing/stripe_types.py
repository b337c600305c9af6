"""Stripe's description of its API as its SDK carries it, held against requests and answers.

The SDK is generated from Stripe's OpenAPI description: `stripe.params` says what a request may hold, the annotations of
the resources what an answer holds. Where it says `Literal[…] | str`, only the literals count: what is not among them
Stripe has not told anybody about.
"""

import functools
import sys
import types
import typing
from collections.abc import Iterator
from typing import Any, ClassVar, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin

import stripe
from stripe import RequestOptions
from stripe._object_classes import OBJECT_CLASSES, get_object_class
from stripe._stripe_object import StripeObject, UntypedStripeObject
from typing_extensions import is_typeddict

Kind = Any
_OF_THE_SDK = frozenset(RequestOptions.__annotations__)


def answer_problems(shape: dict[str, Any]) -> list[str]:
    """Return what Stripe's description does not know of an object, or of a list of some: "where: what is wrong"."""
    if shape["object"] == "list":
        return [problem for one in shape["data"] for problem in answer_problems(one)]
    return list(_problems(shape, resource(shape["object"]), shape["object"], typed=True))


def resource(name: str) -> type[StripeObject]:
    """Return the class of what is called so in `object`."""
    return get_object_class("V1", name)


def request_problems(form: dict[str, Any], params: type) -> list[str]:
    """Return what Stripe's description does not know of a request's decoded form; every value in it is text."""
    return list(_problems(form, params, params.__name__, typed=False))


def is_expandable(path: str, kind: type) -> bool:
    """Return whether `expand` may name that path of an answer: at its end stands an id that can be its object."""
    name, _, rest = path.partition(".")
    choices = _choices(fields(kind).get(name))
    objects = [one for one in choices if isinstance(one, type) and hasattr(one, "OBJECT_NAME")]
    return str in choices and bool(objects) and (not rest or any(is_expandable(rest, one) for one in objects))


def fields(kind: type) -> dict[str, Kind]:
    """Return the fields that a resource or a request may have, with what they hold."""
    found: dict[str, Kind] = {}
    for part in reversed(kind.__mro__):
        if part is not StripeObject and (part.__module__ or "").startswith("stripe."):
            found |= {name: _resolved(hint, part) for name, hint in vars(part).get("__annotations__", {}).items()}
    return {name: hint for name, hint in found.items() if name not in _OF_THE_SDK and get_origin(hint) is not ClassVar}


def required(kind: type) -> set[str]:
    """Return the fields that are in every answer of a kind: those that are not even null."""
    return {name for name, hint in fields(kind).items() if type(None) not in _choices(hint)}


def literals(hint: Kind) -> set[str]:
    """Return the words that a field may have."""
    return {word for choice in _choices(hint) if get_origin(choice) is Literal for word in get_args(choice)}


@functools.cache
def _space(module: str) -> dict[str, Any]:
    top = {name: (place, kind) for name, (place, kind) in OBJECT_CLASSES.items() if place.count(".") == 1}
    resources = {kind: resource(name) for name, (_, kind) in top.items()}
    return {**vars(typing), **resources, **vars(sys.modules[module])}


class _Elsewhere:
    """A resource of a corner of Stripe (issuing, tax) in which we are never: no value is one."""


def _resolved(hint: Kind, owner: type) -> Kind:
    if isinstance(hint, ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        try:
            return _resolved(eval(hint, _space(owner.__module__)), owner)  # noqa: S307 — the SDK's own annotations
        except NameError:
            return _Elsewhere
    if get_origin(hint) in {NotRequired, Required}:
        return _resolved(get_args(hint)[0], owner)
    if get_origin(hint) in {Literal, ClassVar} or not get_args(hint):
        return hint
    parts = tuple(_resolved(part, owner) for part in get_args(hint))
    if get_origin(hint) in {Union, types.UnionType}:
        return Union[parts]  # noqa: UP007 — of as many as there are
    return get_origin(hint)[parts]


def _choices(hint: Kind) -> tuple[Kind, ...]:
    return get_args(hint) if get_origin(hint) in {Union, types.UnionType} else (hint,)


def _problems(value: Any, hint: Kind, where: str, *, typed: bool) -> Iterator[str]:
    """Yield what is wrong with a value. `typed`: numbers and truth come as JSON has them, not as text."""
    choices = _choices(hint)
    if value is None:
        if type(None) not in choices and hint is not Any:
            yield f"{where}: is null"
        return
    words = literals(hint)
    if words and isinstance(value, str):
        if value not in words and not (bool in choices and _is(value, bool, typed=typed)):
            yield f"{where}: {value!r} is none of Stripe's words"
        return
    worst: list[str] = [f"{where}: {value!r} is no {hint}"]
    for choice in choices:
        found = list(_of_one(value, choice, where, typed=typed))
        if not found:
            return
        if _is_about(value, choice):
            worst = found
    yield from worst


def _is_about(value: Any, choice: Kind) -> bool:
    """Return whether of several choices this one is meant: the problems found with it are those worth telling."""
    if not isinstance(value, dict):
        return isinstance(value, list) and get_origin(choice) is list
    named = getattr(choice, "OBJECT_NAME", None)
    return named == value.get("object") if named else choice is not type(None) and choice not in {str, int, bool}


def _of_one(value: Any, choice: Kind, where: str, *, typed: bool) -> Iterator[str]:
    origin = get_origin(choice) or choice
    if choice is Any:
        return
    if origin in {list, stripe.ListObject}:
        listed = value["data"] if origin is stripe.ListObject and isinstance(value, dict) else value
        if not isinstance(listed, list):
            yield f"{where}: is no list"
            return
        for number, one in enumerate(listed):
            yield from _problems(one, get_args(choice)[0], f"{where}[{number}]", typed=typed)
    elif origin in {dict, UntypedStripeObject}:
        if not isinstance(value, dict):
            yield f"{where}: is no object"
            return
        for name, one in value.items():
            yield from _problems(one, get_args(choice)[-1], f"{where}.{name}", typed=typed)
    elif is_typeddict(origin) or (isinstance(origin, type) and issubclass(origin, StripeObject)):
        yield from _of_object(value, origin, where, typed=typed)
    elif not _is(value, origin, typed=typed):
        yield f"{where}: {value!r} is no {origin}"


def _of_object(value: Any, kind: type, where: str, *, typed: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: is no object"
        return
    known = fields(kind)
    for name, one in value.items():
        if name in known:
            yield from _problems(one, known[name], f"{where}.{name}", typed=typed)
        else:
            yield f"{where}.{name}: Stripe has no such field"
    needed = required(kind) if typed else set(kind.__required_keys__) - _OF_THE_SDK  # type: ignore[attr-defined]
    yield from (f"{where}.{name}: is missing" for name in sorted(needed - set(value)))


def _is(value: Any, kind: Kind, *, typed: bool) -> bool:
    if typed:
        return isinstance(kind, type) and isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    if kind is bool:
        return value in {"true", "false"}
    if kind is int:
        return str(value).lstrip("-").isdigit()
    return kind is str and isinstance(value, str)
