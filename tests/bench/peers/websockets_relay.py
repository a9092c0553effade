"""A plain relay on `websockets`: joins two connections and passes on whatever comes."""

import asyncio

from websockets.asyncio.server import ServerConnection, serve

from duologue.bench.load import main

waiting: list[tuple[ServerConnection, asyncio.Future[None]]] = []


async def pump(source: ServerConnection, target: ServerConnection) -> None:
    async for message in source:
        await target.send(message)
    await target.close()


async def join(connection: ServerConnection) -> None:
    """A service waits at `/service`; whoever comes elsewhere is joined with the one waiting."""
    if connection.request.path == "/service":
        done = asyncio.get_running_loop().create_future()
        waiting.append((connection, done))
        await done
        return
    service, done = waiting.pop(0)
    await asyncio.gather(pump(connection, service), pump(service, connection))
    done.set_result(None)


async def listen() -> int:
    server = await serve(join, "127.0.0.1", 0, compression=None)
    listen.server = server
    return server.sockets[0].getsockname()[1]


if __name__ == "__main__":
    main(serve=listen)
