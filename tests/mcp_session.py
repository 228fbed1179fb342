"""Calls of the app's tools by the Model Context Protocol."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any

import pytest

HAS_MCP = find_spec("mcp") is not None
needs_mcp = pytest.mark.skipif(not HAS_MCP, reason="package mcp is not installed: requirements-dev.txt")


def use_tools(url: str, use: Callable[[Any], Awaitable]) -> Any:
    """What `use(session)` gives with a session of the app at `url`."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def main():
        address = url.rstrip("/") + "/gradio_api/mcp/"
        async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await use(session)

    return asyncio.run(main())
