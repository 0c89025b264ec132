"""Level 1: rewrites of ONNX graphs; every result still runs in onnxruntime."""
