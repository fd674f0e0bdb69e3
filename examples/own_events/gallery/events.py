"""The events of the gallery. `kull events --module gallery.events` shows them."""

from __future__ import annotations

from typing import Final

from pydantic import AwareDatetime, Field

from kull_producers import Ephemeral, Event, EventType, Every, Latest, NamedUser, UserOrEverybody
from kull_producers.events.fields import Count, Id, Text

ID: Final = "1 to 128 characters without control characters"
LINE: Final = "a text of at most 200 characters without control characters"
TIME: Final = "a time with its offset, as RFC 3339 has it"


class CollectionShared(Event):
    """Somebody shares a collection with a user. Each one counts."""

    event_type = EventType(
        name="COLLECTION_SHARED",
        summary="Tell a user's devices that somebody shares a collection with them.",
        scope="collection:write",
        contract=Every(),
        audience=NamedUser(),
        examples={
            "A wedding": {
                "userId": "user_123",
                "collectionId": "collection_1",
                "title": "Wedding in Ghent",
                "sharedBy": "Otto",
                "photoCount": 12,
                "sharedAt": "2026-11-28T12:00:00Z",
            }
        },
    )

    collection_id: Id = Field(description=ID)
    title: Text = Field(max_length=200, description=LINE)
    shared_by: Text = Field(max_length=200, description=LINE)
    photo_count: Count = Field(description="a whole number, 0 or more")
    shared_at: AwareDatetime | None = Field(None, strict=False, description=TIME)


class CollectionRenamed(Event):
    """A collection has another title. Only the newest per collection counts."""

    event_type = EventType(
        name="COLLECTION_RENAMED",
        summary="Tell a user's devices what a collection is called now.",
        scope="collection:write",
        contract=Latest(key="collection:{collection_id}"),
        audience=NamedUser(),
        examples={
            "A wedding": {
                "userId": "user_123",
                "collectionId": "collection_1",
                "title": "Ghent, in June",
            }
        },
    )

    collection_id: Id = Field(description=ID)
    title: Text = Field(max_length=200, description=LINE)


class PhotoViewed(Event):
    """Somebody looks at a photo now. It is not kept."""

    event_type = EventType(
        name="PHOTO_VIEWED",
        summary="Tell who looks at which photo.",
        scope="collection:write",
        contract=Ephemeral(),
        audience=NamedUser(),
        examples={"A photo": {"userId": "user_123", "photoId": "IMG_0012", "viewer": "Otto"}},
    )

    photo_id: Id = Field(description=ID)
    viewer: Text = Field(max_length=200, description=LINE)


class MaintenancePlanned(Event):
    """The gallery will be away for a while. Each one counts."""

    event_type = EventType(
        name="MAINTENANCE_PLANNED",
        summary="Tell a user, or everybody, when the gallery will be away.",
        scope="notice:write",
        contract=Every(),
        audience=UserOrEverybody(),
        examples={
            "Tonight": {
                "everybody": True,
                "begins": "2026-11-28T23:00:00Z",
                "minutes": 20,
            }
        },
    )

    begins: AwareDatetime = Field(strict=False, description=TIME)
    minutes: Count = Field(description="a whole number, 0 or more")
