"""What a running mesh logs: nothing personal, and more of it while somebody wants that."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from websockets.asyncio.client import connect

from tests.integration.test_front_door import V2, closed, message_of
from tests.support.up import running

NAME, REASON, PICTURE = "Zaphods-Handy", "for-a-present-to-trillian", "IMG_SECRET_0042.jpg"


async def test_no_line_holds_more_of_a_person_than_ids(tmp_path: Path) -> None:
    with running(tmp_path, KULL_LOG_LEVEL="debug") as up:
        token = up.kull("token", "--user", "maya", "--device", "phone", "--name", NAME).strip()
        async with connect(f"{up.ws}?token={token}", subprotocols=[V2]) as phone:
            await message_of(phone, "WELCOME")
            payload = {
                "shootId": "s",
                "status": "processing",
                "processedCount": 1,
                "totalCount": 2,
                "provider": "p",
                "currentImage": PICTURE,
            }
            await phone.send(json.dumps({"type": "UPDATE_PROGRESS", "payload": payload}))
            await message_of(phone, "ACCEPTED")
            bad = {"type": "UPDATE_PROGRESS", "payload": {"shootId": PICTURE}}
            await phone.send(json.dumps(bad))
            await message_of(phone, "ERROR")
            up.kull(
                *("send", "credit-update", "--user", "maya", "--new-balance", "5"),
                *("--change", "5", "--reason", REASON, "--url", up.http),
            )
            await message_of(phone, "CREDIT_UPDATE")
            await phone.send(json.dumps({"type": "SIGN_OUT", "deviceId": "phone"}))
            assert await closed(phone) == 4507
        _line_until(up.log, "device_signed_out")
        up.stop()
        log = up.log.read_text()

    assert '"session": ' in log, "it is the right log"
    assert [each for each in (NAME, REASON, PICTURE) if each in log] == []


def test_signals_change_what_is_logged_while_it_runs(tmp_path: Path) -> None:
    with running(tmp_path, KULL_LOG_LEVEL="error") as up:
        assert up.log.read_text() == ""
        for number, name in ((signal.SIGUSR1, "debug"), (signal.SIGUSR2, "error")):
            up.process.send_signal(number)
            line = _line_until(up.log, f'"to": "{name}"')
            assert (line["event"], line["level"]) == ("log_level_changed", "critical")
        assert up.stop() == 0


def _line_until(log: Path, wanted: str) -> dict[str, str]:
    deadline = time.monotonic() + 20
    while not (found := [line for line in log.read_text().splitlines() if wanted in line]):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    told: dict[str, str] = json.loads(found[0])
    return told
