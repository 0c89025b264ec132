"""The rewrites: ONNX to ONNX, ONNX to the stream graph, stream graph to stream graph."""
