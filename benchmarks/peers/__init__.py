"""The same actions in our dashboard and in its peers, in one run on one machine."""
