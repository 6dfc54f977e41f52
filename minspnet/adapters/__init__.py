"""Data that did not ship with the product: a user's own table, or a public image collection."""

from minspnet.adapters.card import Card, read_card, write_card
from minspnet.adapters.medmnist import Pictures, read_medmnist
from minspnet.adapters.table import read_cases

__all__ = ["Card", "Pictures", "read_card", "read_cases", "read_medmnist", "write_card"]
