"""Networks as one ONNX graph that skips what its gates leave shut."""
