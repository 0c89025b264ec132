"""Millrace: trained networks in, streaming VHDL out, proved equal to onnxruntime."""

__version__ = "0.1.0"
