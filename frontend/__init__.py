"""Millrace: trained networks in, streaming VHDL out, proved equal to onnxruntime."""

import os

# onnxruntime reports to its makers what it runs unless told not to before it starts; models are
# nobody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
