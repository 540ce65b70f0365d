"""No memory left for another stream: it is refused with a code; the others hear nothing of it."""

import numpy as np
import pytest
from echo_model import stems_of
from leaks import until_nobody_is_left
from server_client import RawClient
from zygote_programs import BLOCK, noise

from protocol import Close, Closed, Error, Open, Opened, Ping, Pong

SPARE_BYTES = 48 << 20
FRAMES = 200 * BLOCK
# 12 MB of context; lossless, so that no admission stands before it.
LARGE = {"rate_hz": 192_000, "channels": 2, "max_block_frames": BLOCK, "freewheel": True}


@pytest.mark.timeout(300)
def test_a_stream_there_is_no_memory_for(serve, endpoint, figure):
    server = serve(spare_bytes=SPARE_BYTES, settings={"peer_timeout_s": 5.0})
    dry, codes = noise(FRAMES, 3), []
    with RawClient(endpoint) as good, RawClient(endpoint) as greedy:
        good.open(freewheel=True)
        heard = [good.separate(dry[:, : FRAMES // 2], BLOCK)]
        for number in range(6):
            greedy.send(Open(number, **LARGE))
            answer = greedy.expect((Error, Opened))
            codes.append(answer.code if isinstance(answer, Error) else "opened")
        assert greedy.ask(Ping(1), Pong) == Pong(1)
        rest = dry[:, FRAMES // 2 :]
        heard.append(good.separate(rest, BLOCK, position_samples=FRAMES // 2))
        for number in range(codes.count("opened")):
            greedy.ask(Close(number), Closed)  # whoever asks for metrics needs memory for a thread
    different = int(np.count_nonzero(np.concatenate(heard, axis=2) != stems_of(dry)))
    figure(
        "out of memory on open",
        spare_mib=SPARE_BYTES >> 20,
        answers=" ".join(codes),
        samples_of_others_that_differ=different,
    )
    assert codes[-1] == "E300"
    assert set(codes) <= {"opened", "E300"}
    assert different == 0
    until_nobody_is_left(server)
    with RawClient(endpoint) as after:
        after.open(**LARGE)  # what was taken has come back
