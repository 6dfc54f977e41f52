"""How a network is trained: terms of the loss, augmentations, epochs, what can be resumed."""
