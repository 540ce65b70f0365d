"""One of the processes of ``test_cluster``: trains a tiny network into the folder it is given."""

import sys

from test_loop import Gains, Halves

from dsp.training.cluster import joined_cluster
from dsp.training.config import DataConfig, OptimiserConfig, RunConfig
from dsp.training.loop import Loop


def main(folder):
    options = OptimiserConfig(batch=4, steps=6, warm_up_steps=2, peak_rate=0.05)
    config = RunConfig(folder=folder, data=DataConfig(folders=(), cache=""), optimiser=options)
    with joined_cluster() as cluster:
        Loop(config, Gains(), Halves(), songs=(), marks_db={}, cluster=cluster).run()


if __name__ == "__main__":
    main(sys.argv[1])
