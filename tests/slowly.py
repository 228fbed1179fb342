"""python tests/slowly.py GATE ...: the app, which begins no event as long as the file GATE is there.

What the file says is how an event ends then: nothing, as usual, once the file is gone; or 'fail', at once, as where the
server breaks down.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, os.getcwd())  # as `python app.py` has it
gate = Path(sys.argv.pop(1))


def held() -> bool:
    """Whether to wait on. Raises RuntimeError where the gate says so."""
    try:
        said = gate.read_text()
    except FileNotFoundError:
        return False
    if said == "fail":
        raise RuntimeError("as the test wants it")
    return True


def main() -> int:
    import app  # first: it points the caches into a folder of its own
    from interface.cases import Cases
    from interface.server.fair_queue import CalmBlocks

    preprocess, walk = CalmBlocks.preprocess_data, Cases.walk_through

    async def preprocess_data(*given, **named):
        while held():
            await asyncio.sleep(0.02)
        return await preprocess(*given, **named)

    def walk_through(*given):
        while held():
            time.sleep(0.02)
        return walk(*given)

    CalmBlocks.preprocess_data, Cases.walk_through = preprocess_data, walk_through
    return app.main()


if __name__ == "__main__":
    sys.exit(main())
