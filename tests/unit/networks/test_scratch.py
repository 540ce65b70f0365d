import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsp.networks.scratch import scratch_rows

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(shapes)
def test_what_is_written_is_what_is_multiplied(shape):
    written, multiplied = scratch_rows(*shape)
    written[:] = np.arange(written.size).reshape(shape)
    assert written.shape == (multiplied.row_count, multiplied.step) == shape
    assert written.flags.c_contiguous
    assert np.array_equal(multiplied.values, np.arange(written.size))


@given(st.lists(shapes, min_size=2, max_size=5))
def test_all_rows_of_a_thread_share_one_room(several):
    for shape in several:  # the room is as large as it gets
        scratch_rows(*shape)
    rooms = [scratch_rows(*shape)[0] for shape in several]
    assert all(np.shares_memory(rooms[0], room) for room in rooms[1:])


def test_threads_do_not_share():
    own, _ = scratch_rows(8, 8)
    others = []
    thread = threading.Thread(target=lambda: others.append(scratch_rows(8, 8)[0]))
    thread.start()
    thread.join()
    assert not np.shares_memory(own, others[0])
