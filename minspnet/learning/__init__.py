"""Learning from review: what readers set right, an adapter fitted on it, and what that changed.

merging   reviews become a set of cases, with what readers do not agree on left out
lessons   the set as targets for a network
adapter   new biases, or matrices of low rank, for what reads findings off; the rest stays
shift     how far the reasons of unseen cases moved
trial     readers held out, and updates by cases nobody disputes: what to measure against
update    all of it, up to a model that lies beside the old one
account   what is known of an update, as plain data
"""
