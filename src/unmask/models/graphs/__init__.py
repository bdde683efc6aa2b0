"""Networks of a bundle as graphs of ONNX."""
