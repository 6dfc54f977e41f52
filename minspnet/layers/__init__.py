"""The parts a network is built from; each is an ordinary module."""
