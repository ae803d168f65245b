"""
A small asyncio service: workers take orders from a queue, and everything about them can be seen.

Shows ``observe`` on coroutines and async generators, the watched event loop, a component that beats, a health check that is
async, a counter with declared attributes, and a gauge that is read. Run it: python examples/async_service.py --seconds 20
"""

from __future__ import annotations

import argparse
import asyncio
import random
from collections.abc import AsyncIterator

import csg_otel

orders = csg_otel.counter(
    "orders.placed",
    unit="{order}",
    description="Orders taken, by channel.",
    attributes={"channel": ("web", "app")},  # declared values, so both series start at 0
)
worker = csg_otel.component("order-worker", beat_within_s=5)
queue: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue(maxsize=100)

csg_otel.observable_gauge("orders.waiting", queue.qsize, unit="{order}", description="Orders that wait for a worker.")


class CardDeclinedError(Exception):
    """The customer's bank says no."""


@csg_otel.health_check("order-queue", groups=("readiness",), interval_s=2, timeout_s=1)
async def order_queue() -> None:
    """Fail when orders pile up."""
    if queue.full():
        raise csg_otel.Critical("the queue is full")


@csg_otel.observe("customers")
async def customers(seconds: float) -> AsyncIterator[tuple[int, str]]:
    """Yield orders as they come, for *seconds* seconds."""
    ends = asyncio.get_running_loop().time() + seconds
    number = 0
    while asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(random.uniform(0.05, 0.3))
        number += 1
        yield number, random.choice(("web", "app"))


@csg_otel.observe(args=("number",), ignore=(CardDeclinedError,), objective=0.15)
async def charge(number: int) -> None:
    """Take the money; a declined card is the customer's business and no failure of ours."""
    await asyncio.sleep(random.uniform(0.01, 0.2))
    if random.random() < 0.1:
        raise CardDeclinedError(f"order {number}")


async def work() -> None:
    """Take orders from the queue, until None comes instead of one."""
    while True:
        worker.beat()
        try:
            order = await asyncio.wait_for(queue.get(), 1.0)
        except asyncio.TimeoutError:
            continue
        if order is None:
            return
        number, channel = order
        with csg_otel.observe("handle_order", {"channel": channel}) as operation:
            try:
                await charge(number)
            except CardDeclinedError:
                operation.add_event("declined")
            else:
                orders.add(1, {"channel": channel})


async def main(seconds: float) -> None:
    """Run the service for *seconds* seconds."""
    csg_otel.watch_loop()  # how late does the loop run what is due?
    workers = [asyncio.create_task(work()) for _ in range(3)]
    async for order in customers(seconds):
        await queue.put(order)
    for _ in workers:
        await queue.put(None)
    await asyncio.gather(*workers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A small asyncio service that can be seen.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it runs (default: 20)")
    options = parser.parse_args()
    with csg_otel.instrument("order-service") as telemetry:
        print(f"metrics and health: {telemetry.url}/metrics  {telemetry.url}/readyz?verbose", flush=True)
        asyncio.run(main(options.seconds))
    print("done")
