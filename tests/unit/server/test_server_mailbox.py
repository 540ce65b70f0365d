"""The mailbox under many threads: no job is lost, doubled or out of its poster's order."""

import select
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transport.mailbox import Mailbox


@pytest.fixture
def mailbox():
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


def is_readable(mailbox):
    return bool(select.select([mailbox.fileno()], [], [], 0)[0])


def test_jobs_of_many_threads_each_run_once_and_in_their_posters_order(mailbox):
    posters, jobs, ran = 8, 300, []

    def post_all(poster):
        for number in range(jobs):
            mailbox.post(lambda number=number: ran.append((poster, number)))

    threads = [threading.Thread(target=post_all, args=(poster,)) for poster in range(posters)]
    for thread in threads:
        thread.start()
    while len(ran) < posters * jobs and select.select([mailbox.fileno()], [], [], 5)[0]:
        mailbox.run_all()
    for thread in threads:
        thread.join()
    for poster in range(posters):
        assert [number for who, number in ran if who == poster] == list(range(jobs))
    assert not is_readable(mailbox)


@given(bursts=st.lists(st.integers(0, 5), max_size=10))
def test_it_is_readable_exactly_while_something_waits(bursts):
    mailbox, ran = Mailbox(), []
    try:
        for burst in bursts:
            for _ in range(burst):
                mailbox.post(lambda: ran.append(1))
            assert is_readable(mailbox) == (burst > 0)
            mailbox.run_all()
            assert not is_readable(mailbox)
        assert len(ran) == sum(bursts)
    finally:
        mailbox.close()


def test_what_a_job_posts_waits_for_the_next_turn(mailbox):
    ran = []

    def again():
        ran.append(1)
        mailbox.post(again)

    mailbox.post(again)
    mailbox.run_all()
    assert ran == [1], "or a job that posts itself would never let the socket be read"
    assert is_readable(mailbox)


def test_closed_it_takes_nothing_and_may_be_closed_again():
    mailbox, ran = Mailbox(), []
    mailbox.close()
    mailbox.post(lambda: ran.append(1))
    mailbox.close()
    assert ran == []


@given(fails=st.lists(st.booleans(), max_size=12))
def test_a_job_that_fails_ends_its_turn_and_the_rest_keep_theirs(fails):
    """The rest are other streams' answers: they run in the next turn, before newer ones."""
    mailbox, ran = Mailbox(), []

    def job(number):
        if number == 0 and fails:
            mailbox.post(lambda: job(len(fails)))  # newer than all that wait
        ran.append(number)
        if number < len(fails) and fails[number]:
            raise ZeroDivisionError

    try:
        for number in range(len(fails)):
            mailbox.post(lambda number=number: job(number))
        failed = 0
        while is_readable(mailbox):
            try:
                mailbox.run_all()
            except ZeroDivisionError:
                failed += 1
        assert ran == ([*range(len(fails) + 1)] if fails else [])
        assert failed == sum(fails)
    finally:
        mailbox.close()
