"""Phantoms: synthetic dermatoscopic images with their masks and metadata, drawn from a seed. No patient is in them.

They serve the tests and a machine without HAM10000, and are labelled synthetic wherever a person sees them. A phantom
imitates the look of a diagnosis, as a stylised textbook drawing would; it says nothing about how a model does on skin.

Colour follows light through skin: pigments absorb (Beer-Lambert), so one lesion looks right on every skin tone. Lengths
are in units of 1/300 of the shorter side, so one seed gives one scene at every size of the same shape.
"""

from .dataset import write_phantom_dataset
from .generate import Phantom, make_phantom

__all__ = ["Phantom", "make_phantom", "write_phantom_dataset"]
