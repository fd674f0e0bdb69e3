"""What the page looks at when somebody asks: users, queues, events, trouble, rooms."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request

from kull_console.api import tables
from kull_console.api.gate import Gate
from kull_console.errors import RouterAway
from kull_console.mesh.routers import Routers
from kull_protos.contract import addresses
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.why.evidence import Question, merge
from kull_protos.why.record import as_dict
from kull_protos.why.story import tell

PAGE: Final = 50
Text = Annotated[str, Query(max_length=500)]
Number = Annotated[int, Query(ge=0, le=2**62)]


class Looks:
    """Asks the routers. Its methods raise RouterAway, RouterRefuses."""

    def __init__(self, routers: Routers) -> None:
        self._routers = routers

    async def users(self, prefix: str, after: str) -> dict[str, Any]:
        """Return a page of users by the beginning of their ids."""
        request = pb.ListUsersRequest(prefix=prefix, after=after, limit=PAGE)
        users = list((await self._routers.any("ListUsers", request)).user_ids)
        return {"users": users, "next": users[-1] if len(users) == PAGE else None}

    async def user(self, user: str) -> dict[str, Any]:
        """Return a user's devices and queue."""
        known, sessions, queues = await asyncio.gather(
            self._routers.all("ListDevices", pb.ListDevicesRequest(user_id=user)),
            self._routers.all("ListSessions", pb.ListSessionsRequest(user_id=user)),
            self._routers.any("ListQueues", pb.ListQueuesRequest(address=addresses.of_user(user))),
        )
        queue = queues.queues[0] if queues.queues else None
        edges = {
            each.device.device_id: each.node_id for answer in sessions for each in answer.sessions
        }
        return {
            "user": user,
            "queue": tables.queue(queue),
            "devices": tables.devices(
                [each for answer in known for each in answer.devices], queue, edges
            ),
        }

    async def entries(self, address: str, after: int) -> dict[str, Any]:
        """Return a page of a queue's entries, with who has acknowledged each."""
        request = pb.ListEntriesRequest(address=address, after=after, limit=PAGE)
        answer = await self._routers.any("ListEntries", request)
        more = answer.through < answer.queue.head
        return {
            "queue": tables.queue(answer.queue if answer.HasField("queue") else None),
            "entries": [tables.entry(each, answer.devices) for each in answer.entries],
            "next": answer.through if more else None,
        }

    async def why(self, question: Question) -> dict[str, Any]:
        """Return the life of an event, or how a device fares."""
        request = pb.ExplainRequest(
            event_id=question.event_id, user_id=question.user, device_id=question.device
        )
        answers, silent = await self._routers.each("Explain", request)
        if not answers:
            raise RouterAway("; ".join(silent.values()) or "no router is named")
        evidence = merge(list(answers.values()), silent)
        return as_dict(tell(question, evidence), evidence) | {"now": evidence.now}

    async def behind(self) -> dict[str, Any]:
        """Return the devices that are furthest behind."""
        answers = await self._routers.all("ListBehind", pb.ListBehindRequest(limit=PAGE))
        return {
            "devices": answers[0].all.devices,
            "positions": answers[0].all.positions,
            "partial": answers[0].all.partial,
            "worst": tables.behind(answers),
        }

    async def dead(self, skip: int, *, bodies: bool) -> dict[str, Any]:
        """Return a page of the dead letters, the oldest first; with what they say, or without."""
        request = pb.ListDeadLettersRequest(skip=skip, limit=PAGE, bodies=bodies)
        answer = await self._routers.any("ListDeadLetters", request, deadline=15.0)
        seen = skip + len(answer.letters)
        return {
            "letters": [
                tables.letter(each, place, bodies=bodies)
                for place, each in enumerate(answer.letters, start=skip)
            ],
            "all": answer.all,
            "next": seen if answer.letters and seen < answer.all else None,
        }

    async def rooms(self, after: str) -> dict[str, Any]:
        """Return a page of the rooms that somebody follows, with their sizes."""
        sizes, members = Counter[str](), Counter[str]()
        for answer in await self._routers.all(
            "ListRooms", pb.ListRoomsRequest(after=after, limit=PAGE)
        ):
            sizes.update({each.address: each.sessions for each in answer.rooms})
            members.update({each.address: each.members for each in answer.rooms})
        page = sorted(sizes)[:PAGE]
        return {
            "rooms": [
                {"address": each, "sessions": sizes[each], "members": members[each]}
                for each in page
            ],
            "next": page[-1] if len(page) == PAGE else None,
        }

    async def room(self, address: str) -> dict[str, Any]:
        """Return who follows an address: the first of them, by user and device."""
        request = pb.ListFollowersRequest(address=address, limit=PAGE)
        answers = await self._routers.all("ListFollowers", request)
        sessions = [tables.session(each) for answer in answers for each in answer.sessions]
        sessions.sort(key=lambda each: (each["user"], each["device"]))
        return {
            "address": address,
            "sessions": sessions[:PAGE],
            "all": sum(answer.all for answer in answers),
        }

    async def actions(self, before: int) -> dict[str, Any]:
        """Return a page of what operators have done, the newest first."""
        request = pb.ListActionsRequest(before=before, limit=PAGE)
        found = [
            tables.action(each)
            for each in (await self._routers.any("ListActions", request)).actions
        ]
        return {"actions": found, "next": found[-1]["number"] if len(found) == PAGE else None}


def add(app: FastAPI, looks: Looks, gate: Gate) -> None:
    """Add the routes to an app."""

    @app.get("/console/api/users")
    async def users(request: Request, prefix: Text = "", after: Text = "") -> dict[str, Any]:
        gate.reader(request)
        return await looks.users(prefix, after)

    @app.get("/console/api/user")
    async def user(request: Request, user: Text) -> dict[str, Any]:
        gate.reader(request)
        return await looks.user(user)

    @app.get("/console/api/entries")
    async def entries(request: Request, address: Text, after: Number = 0) -> dict[str, Any]:
        gate.reader(request)
        return await looks.entries(address, after)

    @app.get("/console/api/why")
    async def why(
        request: Request, event: Text = "", user: Text = "", device: Text = ""
    ) -> dict[str, Any]:
        gate.reader(request)
        return await looks.why(Question(event_id=event, user=user, device=device))

    _add_trouble(app, looks, gate)


def _add_trouble(app: FastAPI, looks: Looks, gate: Gate) -> None:
    @app.get("/console/api/behind")
    async def behind(request: Request) -> dict[str, Any]:
        gate.reader(request)
        return await looks.behind()

    @app.get("/console/api/dead")
    async def dead(request: Request, skip: Number = 0) -> dict[str, Any]:
        return await looks.dead(skip, bodies=gate.reader(request).may_act)

    @app.get("/console/api/rooms")
    async def rooms(request: Request, after: Text = "") -> dict[str, Any]:
        gate.reader(request)
        return await looks.rooms(after)

    @app.get("/console/api/room")
    async def room(request: Request, address: Text) -> dict[str, Any]:
        gate.reader(request)
        return await looks.room(address)

    @app.get("/console/api/actions")
    async def actions(request: Request, before: Number = 0) -> dict[str, Any]:
        gate.reader(request)
        return await looks.actions(before)
