"""A line with a delay, in order and of any width: `python -m benchmarks.slow_line LISTEN FORWARD MILLISECONDS`."""

import asyncio
import sys
from functools import partial


async def main(listen: int, forward: int, delay: float) -> None:
    """Forward every connection to `forward`, each chunk `delay` seconds late."""
    server = await asyncio.start_server(partial(_link, forward, delay), "127.0.0.1", listen, limit=1 << 20)
    async with server:
        await server.serve_forever()


async def _link(forward: int, delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", forward, limit=1 << 20)
    await asyncio.gather(_late(reader, far_writer, delay), _late(far_reader, writer, delay))


async def _late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            chunk = await reader.read(1 << 18)
        except OSError:
            chunk = b""
        loop.call_later(delay, _pass_on, writer, chunk)
        if not chunk:
            return


def _pass_on(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    if writer.is_closing():
        return
    if chunk:
        writer.write(chunk)
    else:
        writer.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000))
