from __future__ import annotations

import pytest

from edgecnn.train.stream import Shuffle, shard


def test_one_process_sees_every_position_once() -> None:
    steps = shard(0, 103, 16, 0, 1)
    assert [p for step in steps for p in step] == list(range(103))


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_each_whole_step(world: int) -> None:
    shares = [shard(0, 103, 16, rank, world) for rank in range(world)]
    for number, parts in enumerate(zip(*shares, strict=True)):
        together = [p for part in parts for p in part]
        assert together == list(range(16 * number, 16 * number + 16))
    assert len(shares[0]) == 103 // 16


def test_a_resumed_stream_goes_on_where_it_was() -> None:
    assert shard(48, 103, 16, 0, 1) == shard(0, 103, 16, 0, 1)[3:]


def test_every_pass_is_another_permutation_of_all() -> None:
    order = Shuffle(10, seed=4)
    passes = [[order(10 * e + i) for i in range(10)] for e in range(3)]
    assert all(sorted(p) == list(range(10)) for p in passes)
    assert passes[0] != passes[1] != passes[2]
    assert [Shuffle(10, 4)(i) for i in range(10)] == passes[0]
