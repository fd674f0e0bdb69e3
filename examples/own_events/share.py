"""Shares a collection with a user: a type of event that Kull does not know, from a service.

python examples/own_events/share.py USER --amqp-url amqp://guest:guest@127.0.0.1:5672/
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime

from gallery.events import CollectionRenamed, CollectionShared, MaintenancePlanned, PhotoViewed
from kull_producers import Publisher, connect


async def share(publisher: Publisher, user: str) -> None:
    """Publish one event of each type."""
    now = datetime.now(UTC)
    await publisher.publish(
        CollectionShared(
            collection_id="collection_1",
            title="Wedding in Ghent",
            shared_by="Otto",
            photo_count=12,
            shared_at=now,
        ),
        user_id=user,
    )
    await publisher.publish(
        CollectionRenamed(collection_id="collection_1", title="Ghent, in June"), user_id=user
    )
    await publisher.publish(PhotoViewed(photo_id="IMG_0012", viewer="Otto"), user_id=user)
    await publisher.publish(MaintenancePlanned(begins=now, minutes=20), everybody=True)


async def main() -> None:
    """Publish to RabbitMQ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("user")
    parser.add_argument("--amqp-url", required=True)
    told = parser.parse_args()
    async with connect(told.amqp_url, app_id="gallery") as publisher:
        await share(publisher, told.user)


if __name__ == "__main__":
    asyncio.run(main())
