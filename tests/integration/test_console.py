"""The console over real processes: what it shows, what it does, and whom it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from aio_pika import DeliveryMode, Message
from aio_pika import connect as amqp_connect

from kull_gateway import keys
from kull_producers import connect
from kull_protos.contract.close_codes import CloseCode
from tests.support.console import Browser, RunningConsole, running_console, until
from tests.support.device import WAIT, device, token
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.up import Up
from tests.support.why import credit, take

pytestmark = pytest.mark.xdist_group("console")


@pytest.fixture(scope="module")
def console(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    with running_console(tmp_path_factory.mktemp("console"), mesh.grpc) as started:
        yield started


@pytest.fixture
def anna(console: RunningConsole) -> Iterator[Browser]:
    with console.browser(console.acts) as opened:
        yield opened


@pytest.fixture
def user() -> str:
    return f"maya-{uuid4().hex[:8]}"


@pytest.mark.rabbitmq
class TestOnAMesh:
    async def test_the_overview_shows_routers_edges_and_what_happens(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        async with connect(mesh.amqp_url) as publisher, device(mesh.url(0), token(user, "mac")):
            for balance in range(5):
                await credit(publisher, user, balance)
            look = await asyncio.to_thread(
                until,
                lambda look: (
                    any(point["events"] for point in look["points"])
                    and look["overview"]["deadWaiting"] is not None
                    and look["overview"]["sessions"] == 1
                ),
                lambda: anna.get("overview"),
            )

        overview = look["overview"]
        assert [each["id"] for each in overview["routers"]] == ["router-0"]
        assert {each["id"]: each["sessions"] for each in overview["edges"]} == {
            "edge-0": 1,
            "edge-1": 0,
        }
        assert overview["shards"]["unowned"] == []
        router = overview["routers"][0]
        assert router["store"]["ok"] and router["broker"]["ok"]
        assert router["store"]["ms"] > 0

    async def test_it_is_told_live_as_server_sent_events(
        self, console: RunningConsole, anna: Browser
    ) -> None:
        def events() -> list[dict[str, object]]:
            found = []
            with anna.http.stream("GET", "/console/api/live") as answer:
                assert answer.headers["Content-Type"].startswith("text/event-stream")
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        found.append(json.loads(line.removeprefix("data: ")))
                    if len(found) == 2:
                        return found
            return found

        first, second = await asyncio.to_thread(events)
        assert first["overview"] and second["overview"]
        assert len(second["points"]) <= 2, "only what is new"  # type: ignore[arg-type]

    async def test_a_user_is_found_with_devices_entries_and_the_story_of_an_event(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        async with (
            connect(mesh.amqp_url) as publisher,
            device(mesh.url(1), token(user, "mac")) as mac,
        ):
            event = await credit(publisher, user, 1)
            await take(mac)
            assert anna.get("users", prefix=user[:-1])["users"] == [user]
            found = await asyncio.to_thread(
                until,
                lambda found: found["devices"] and found["devices"][0]["behind"] == 0,
                lambda: anna.get("user", user=user),
            )
            assert [(one["device"], one["connected"], one["edge"]) for one in found["devices"]] == [
                ("mac", True, "edge-1")
            ]
            entries = anna.get("entries", address=f"user:{user}")["entries"]
            (entry,) = [each for each in entries if each["id"] == event]
            assert (entry["type"], entry["acknowledgedBy"]) == ("CREDIT_UPDATE", ["mac"])
            story = anna.get("why", event=event)["stories"][0]
            assert story["devices"][0]["verdict"] == "acknowledged"

    async def test_a_test_event_reaches_the_device(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        async with device(mesh.url(0), token(user, "mac")) as mac:
            result = await asyncio.to_thread(anna.done, "test-event", user=user)
            async with asyncio.timeout(WAIT):
                # Of a type that our schemas do not know, as it says nothing.
                while (event := json.loads(await mac.socket.recv()))["type"] != "TEST":
                    pass
        assert event["data"] == {}
        assert result == f"sent {event['id']}"

    async def test_a_device_that_is_signed_out_is_closed_revoked_and_forgotten(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        access = token(user, "mac")
        async with device(mesh.url(0), access) as mac:
            await asyncio.to_thread(anna.done, "sign-out-device", user=user, device="mac")
            code, _ = await mac.close_code()
        assert code == CloseCode.REVOKED
        async with device(mesh.url(0), access, welcome=False) as again:
            code, _ = await again.close_code()
        assert code == CloseCode.REVOKED
        assert anna.get("user", user=user)["devices"] == []

    async def test_a_tab_that_is_signed_out_does_not_come_back_with_the_token_it_showed(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        access = token(user, jti=f"tab-{user}")
        async with device(mesh.url(0), access) as tab:
            (known,) = await asyncio.to_thread(
                until, lambda found: found, lambda: anna.get("user", user=user)["devices"]
            )
            result = await asyncio.to_thread(
                anna.done, "sign-out-device", user=user, device=known["device"]
            )
            code, _ = await tab.close_code()
        async with device(mesh.url(0), access, welcome=False) as again:
            code_again, _ = await again.close_code()
        assert "1 session closed" in result
        assert (code, code_again) == (CloseCode.REVOKED, CloseCode.REVOKED)

    async def test_a_device_that_is_disconnected_may_come_again(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        access = token(user, "mac")
        async with device(mesh.url(0), access) as mac:
            result = await asyncio.to_thread(anna.done, "disconnect", user=user, device="mac")
            assert (await mac.close_code())[0] == CloseCode.DISCONNECTED
        assert result == "1 session closed"
        async with device(mesh.url(0), access) as again:
            assert again.welcome["type"] == "WELCOME"

    async def test_a_dead_letter_is_seen_published_again_and_arrives(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        event_id = f"dead-{uuid4().hex}"
        body = {
            "id": event_id,
            "type": "CREDIT_UPDATE",
            "data": {"userId": user, "newBalance": 7, "change": 7, "reason": "Gift"},
            "userId": user,
        }
        # As a router buried it because of a fault of its own that is mended by now.
        headers = {"kull-reason": "a fault of the router", "kull-exchange": "kull.credit"}
        await bury(mesh, event_id, json.dumps(body).encode(), headers)
        await bury(mesh, "other", b"no event at all", {"kull-reason": "not JSON"})
        found = await asyncio.to_thread(
            until,
            lambda found: {event_id, "other"} <= {each["eventId"] for each in found["letters"]},
            lambda: anna.get("dead"),
        )
        letters = {each["eventId"]: each for each in found["letters"]}
        assert letters[event_id]["reason"] == "a fault of the router"
        assert json.loads(letters[event_id]["body"]) == body
        assert letters["other"]["reason"] == "not JSON"

        async with device(mesh.url(0), token(user, "mac")) as mac:
            result = await asyncio.to_thread(anna.done, "republish", ids=[letters[event_id]["id"]])
            event = await mac.event()
        assert (event["id"], event["data"]["newBalance"]) == (event_id, 7)
        assert result == "1 published again"
        left = {each["eventId"] for each in anna.get("dead")["letters"]}
        assert event_id not in left and "other" in left

        await asyncio.to_thread(anna.done, "discard", ids=[letters["other"]["id"]])
        assert "other" not in {each["eventId"] for each in anna.get("dead")["letters"]}

    async def test_every_action_is_told_with_who_did_it_and_how_it_ended(
        self, console: RunningConsole, anna: Browser, user: str
    ) -> None:
        await asyncio.to_thread(anna.done, "disconnect", user=user)

        with console.browser(console.reads) as rita:
            done = rita.get("actions")["actions"]
        key = console.acts.split("_")[1]
        (action,) = [each for each in done if each["target"] == user]
        assert (action["operator"], action["name"]) == (f"key:{key} (anna)", "disconnect")
        assert (action["result"], action["at"] > 0) == ("0 sessions closed", True)
        assert {"sign-in"} <= {each["name"] for each in done}

    async def test_rooms_are_told_with_who_is_there(
        self, mesh: Mesh, anna: Browser, user: str
    ) -> None:
        room = f"shoot-{user}"
        async with device(mesh.url(0), token(user, "mac", rooms=[room])) as mac:
            await mac.send(type="JOIN", queue=f"room:{room}")
            await mac.frame()
            found = await asyncio.to_thread(
                until,
                lambda found: found["all"] == 1,
                lambda: anna.get("room", address=f"room:{room}"),
            )
            rooms = anna.get("rooms", after=f"room:{room[:-1]}")["rooms"]
        assert [(each["user"], each["edge"]) for each in found["sessions"]] == [(user, "edge-0")]
        assert {"address": f"room:{room}", "sessions": 1, "members": 1} in rooms

    def test_prometheus_reads_what_it_counts_and_not_on_the_port_of_the_page(
        self, console: RunningConsole, anna: Browser
    ) -> None:
        anna.get("overview")

        told = httpx.get(console.metrics, trust_env=False).text

        assert 'kull_console_requests_total{path="/console/api/overview",status="200"}' in told
        assert 'kull_console_router_calls_total{outcome="answered"}' in told
        assert anna.http.get("/metrics").status_code == httpx.codes.NOT_FOUND

    def test_who_may_only_look_is_refused_and_does_not_read_dead_letters(
        self, console: RunningConsole, user: str
    ) -> None:
        with console.browser(console.reads) as rita:
            for name in ("revoke", "disconnect", "test-event", "discard"):
                answer = rita.act(name, user=user, ids=["x"])
                assert answer.status_code == httpx.codes.FORBIDDEN
                assert "console:act" in answer.json()["detail"]
            assert all(each["body"] is None for each in rita.get("dead")["letters"])

    def test_a_key_without_the_scope_and_a_wrong_one_are_refused(
        self, console: RunningConsole
    ) -> None:
        with console.browser() as nobody:
            for key in (console.other, console.acts[:-1], "", "kull_x"):
                assert nobody.sign_in(key).status_code == httpx.codes.UNAUTHORIZED
            assert nobody.http.get("/console/api/overview").status_code == 401

    def test_a_key_that_is_revoked_ends_its_sessions_within_a_second(
        self, console: RunningConsole
    ) -> None:
        key = keys.add(console.file, service="otto", scopes=["console:read"])

        def status(browser: Browser) -> int:
            return browser.http.get("/console/api/overview").status_code

        with console.browser() as otto:
            until(lambda code: code == httpx.codes.OK, lambda: otto.sign_in(key).status_code)
            assert status(otto) == httpx.codes.OK
            keys.revoke(console.file, key.split("_")[1])
            until(lambda code: code == httpx.codes.UNAUTHORIZED, lambda: status(otto))

    def test_a_forged_request_is_refused(self, console: RunningConsole, user: str) -> None:
        with console.browser(console.acts) as anna:
            for headers in (
                {"X-CSRF-Token": ""},
                {"X-CSRF-Token": "x" * 43},
                {"Origin": "https://evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
            ):
                answer = anna.http.post(
                    "/console/api/actions/revoke", json={"user": user}, headers=headers
                )
                assert answer.status_code == httpx.codes.FORBIDDEN
            cookie = anna.http.cookies["kull-console-session"]
        with console.browser() as other:
            other.http.cookies.set("kull-console-session", "planted")
            answer = other.sign_in(console.acts)
            said = answer.headers["Set-Cookie"]
            assert "planted" not in said and cookie not in said
            assert "HttpOnly" in said and "SameSite=Strict" in said


async def bury(mesh: Mesh, event_id: str, body: bytes, headers: dict[str, str]) -> None:
    connection = await amqp_connect(mesh.amqp_url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("kull.dead")
        message = Message(
            body,
            message_id=event_id,
            app_id="billing",
            type="CREDIT_UPDATE",
            headers=dict(headers),
            delivery_mode=DeliveryMode.PERSISTENT,
        )
        await exchange.publish(message, "nowhere")


class TestBesideAnUp:
    def test_it_is_off_as_long_as_nobody_could_sign_in(self, up_home: Up) -> None:
        assert up_home.ready_line().startswith("kull is ready:")

    def test_it_is_on_a_port_of_its_own_once_there_is_a_key(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        key = keys.add(home / "service-keys.json", service="anna", scopes=["console:act"])
        with Up(home, KULL_CONSOLE_PORT=str(free_port())) as up:
            line = up.ready_line()
            assert line.startswith("The console: http://127.0.0.1:")
            assert up.ready_line().startswith("kull is ready:")
            url = line.split()[-1].removesuffix("/console")
            assert not url.endswith(f":{up.port}")
            with Browser(url) as browser:
                assert browser.sign_in(key).status_code == httpx.codes.OK
                assert browser.done("test-event", user="maya").startswith("sent ")
            edge = httpx.get(f"{up.http}/console/api/me", trust_env=False)
            assert edge.status_code == httpx.codes.NOT_FOUND
            up.stop()


@pytest.fixture
def up_home(tmp_path: Path) -> Iterator[Up]:
    home = tmp_path / "home"
    keys.add(home / "service-keys.json", service="billing", scopes=["credit:write"])
    with Up(home) as up:
        yield up
        up.stop()


def test_the_role_says_what_is_missing_when_nobody_could_sign_in(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    console = RunningConsole(folder, f"127.0.0.1:{free_port()}")
    console.file.unlink()
    console.process.start()
    assert console.process.wait() == 1
    assert "kull keys add" in console.process.log.read_text()
