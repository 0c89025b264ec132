"""Millrace: trained networks in, streaming VHDL out, proved equal to onnxruntime."""
