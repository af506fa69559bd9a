"""Networks as ONNX graphs: written beside their weights with torch, run without it."""
