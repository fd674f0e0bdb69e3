"""A billing service: a credit ledger whose bookings reach the user's devices.

    python examples/billing_service.py purchase maya 100 --id order-1 --url http://127.0.0.1:5000
    python examples/billing_service.py charge maya 3 --id export-7 --url http://127.0.0.1:5000
    python examples/processing_worker.py FOLDER --user maya --url http://127.0.0.1:5000 |
        python examples/billing_service.py follow maya --url http://127.0.0.1:5000

`follow` reads the worker's lines and charges one credit per keeper. An entry is committed first and
told afterwards, under its id: what a crash left untold is told by the next run, and a repeated
command neither books nor tells twice. With `--outbox FILE` (and `--amqp-url`) nothing waits for
RabbitMQ: told then means that the event is in that file, and the next run publishes what is left.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Final

from credit_ledger import CreditLedger, NotEnoughCredits
from event_publisher import EventPublisher, PublishFailed, open_publisher
from kull_producers import KullError

PRICE: Final = 1  # credits per keeper


async def tell(ledger: CreditLedger, publisher: EventPublisher) -> None:
    """Publish every committed entry that was not told yet, in order."""
    for entry in ledger.untold():
        await publisher.credit_update(
            user_id=entry.user,
            new_balance=entry.balance,
            change=entry.change,
            reason=entry.reason,
            idempotency_key=entry.id,
        )
        ledger.mark_told(entry.id)
        print(f"{entry.user} {entry.change:+d} = {entry.balance} ({entry.reason})", flush=True)


async def follow(user: str, ledger: CreditLedger, publisher: EventPublisher) -> int:
    """Charge for the keepers that a worker reports on standard input; return how many could not."""
    refused = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        photo = json.loads(line)
        if photo["verdict"] != "keep":
            continue
        entry_id = f"keeper:{photo['shoot']}:{photo['image']}"
        try:
            ledger.book(
                entry_id=entry_id, user=user, change=-PRICE, reason=f"Keeper {photo['image']}"
            )
        except NotEnoughCredits as error:
            refused += 1
            print(f"not charged: {error}", file=sys.stderr)
        await tell(ledger, publisher)
    return refused


def arguments() -> argparse.Namespace:
    """Read the command line."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("user", help="whose credits")
    shared.add_argument("--ledger", type=Path, default=Path("ledger.db"), help="file (ledger.db)")
    shared.add_argument("--amqp-url", default=os.environ.get("KULL_AMQP_URL"), help="RabbitMQ")
    shared.add_argument("--outbox", type=Path, help="file that keeps events while RabbitMQ is away")
    shared.add_argument("--url", help="HTTP triggers of a `kull up`; needs KULL_SERVICE_TOKEN")
    parser = argparse.ArgumentParser(description="Book credits and tell the user's devices.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("purchase", "add credits"), ("charge", "take credits")):
        command = commands.add_parser(name, parents=[shared], help=text)
        command.add_argument("credits", type=_positive, help="how many")
        command.add_argument(
            "--id", required=True, help="id of the booking; a repeat changes nothing"
        )
        command.add_argument("--reason", default=f"Credit {name}", help="for people")
    commands.add_parser("follow", parents=[shared], help="charge the keepers of a worker in a pipe")
    return parser.parse_args()


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{number} is not a positive number of credits")
    return number


async def run(args: argparse.Namespace) -> int:
    """Run one command; return the exit code."""
    ledger = CreditLedger(args.ledger)
    amqp_url = None if args.url else args.amqp_url  # a named --url wins over the environment
    try:
        async with open_publisher(amqp_url=amqp_url, url=args.url, outbox=args.outbox) as publisher:
            await tell(ledger, publisher)  # what a crash has left
            if args.command == "follow":
                return 1 if await follow(args.user, ledger, publisher) else 0
            change = args.credits if args.command == "purchase" else -args.credits
            ledger.book(entry_id=args.id, user=args.user, change=change, reason=args.reason)
            await tell(ledger, publisher)
    finally:
        ledger.close()
    return 0


def main() -> int:
    """Run as a command; 0 when everything was booked and told."""
    try:
        return asyncio.run(run(arguments()))
    except (NotEnoughCredits, PublishFailed, KullError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
