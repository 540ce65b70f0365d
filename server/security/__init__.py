"""Who may listen and who may connect: places, keys, the files that hold them."""
