"""What the provider has of an operation, and what is kept of its answer."""

import msgspec

from billing.gateway import Account, Answer, Found, Gateway, Intent, NoSuchObject, Refund
from billing.operation import StoredOperation


async def what_there_is(gateway: Gateway, stored: StoredOperation) -> Found | None:
    """Return what the provider has of that operation, or None. Raises what the gateway raises."""
    operation = stored.operation
    intent: str = getattr(operation, "intent", "")
    reference: str = getattr(operation, "reference", "")
    account: str = getattr(operation, "account", "")
    if reference:
        made = await gateway.find_by_reference(account, reference, stored.created_at)
        wanted = Account if not account else Refund if intent else Intent
        return next((thing for thing in made if isinstance(thing, wanted)), None)
    if not intent:
        return None
    try:
        return await gateway.find(account, intent)
    except NoSuchObject:
        return None


def kept(answer: Answer) -> str:
    """Return the answer as it is stored: without the client secret, with which anybody could pay and see what."""
    bare = msgspec.structs.replace(answer, client_secret="") if isinstance(answer, Intent) else answer
    return msgspec.json.encode(bare).decode()
