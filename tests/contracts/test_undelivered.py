"""Which letters did not arrive, of many at once."""

import itertools
from datetime import datetime, timedelta

from notify.io.post import Post
from notify.letters import PayLink
from store.io.database import Database
from tests.notify.samples import TO, letter


async def test_those_whose_latest_letter_has_failed_are_told_apart(database: Database, at: datetime):
    post, moments = Post(database), itertools.count()

    async def write(about: str, *addresses: str) -> None:
        for number, to in enumerate(addresses):
            async with database.transaction() as tx:
                await post.enqueue(
                    tx, letter(PayLink, to=to), f"{about}:{number}", at + timedelta(seconds=next(moments)), about
                )

    await write("failed", TO, "nobody at all")
    await write("mended", "nobody at all", TO)
    await write("waiting", TO)
    await write("not asked for", "nobody at all")
    many = [f"pay_{number}" for number in range(600)]
    assert await post.undelivered(["failed", "mended", "waiting", "never written to"]) == {"failed"}
    assert await post.undelivered([*many, "failed"]) == {"failed"}
    assert await post.undelivered([]) == set()
