"""Several pixels at a time: elements that work on blocks of pixels, down to whole frames.

``element``  becomes  ``Reshape -> element over blocks -> Reshape``

A stream of blocks is the same sequence of values, so a Reshape, wires, makes the one of the other.
What works value by value gets the parameters of all pixels of a block; windows are in ``windows``
and ``pools``.  Where an element is too slow with a pixel at a time, blocks of every size are among
the choices of all elements: all weights are constants of multipliers of their own then.
"""

from __future__ import annotations

from rewrite.stream.blocks.graph import Blocks

__all__ = ["Blocks"]
