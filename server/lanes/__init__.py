"""Who computes, and when: the threads, their order, what they may promise."""
