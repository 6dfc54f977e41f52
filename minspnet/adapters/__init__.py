"""Data that did not ship with the product: a user's own table or pictures."""

from minspnet.adapters.card import Card, read_card, write_card
from minspnet.adapters.medmnist import OfficialPictures, read_medmnist
from minspnet.adapters.picture_profile import PictureProfile, check_pictures, picture_profile
from minspnet.adapters.pictures import Pictures, picture_cases, read_pictures
from minspnet.adapters.table import read_cases

__all__ = [
    "Card",
    "OfficialPictures",
    "PictureProfile",
    "Pictures",
    "check_pictures",
    "picture_cases",
    "picture_profile",
    "read_card",
    "read_cases",
    "read_medmnist",
    "read_pictures",
    "write_card",
]
