"""The critical path, pure: one volume (or the word that it is missing) in, the next state and one message out.

Per volume, and nothing else before publishing: prefilter the raw volume once; estimate the rigid motion against the fixed reference;
sample the ROI voxels of the raw volume at their moved positions; update the streaming GLM; say the regulation value and how far to
trust it. The clock is handed in and fills only ``timing``; no file, thread or socket is touched.
"""

from rtfmri.pipeline.reference import Standing
from rtfmri.pipeline.setup import DecoderMap, GridImage, Materials, Setup
from rtfmri.pipeline.step import State, begin, step, warm_up

__all__ = ["DecoderMap", "GridImage", "Materials", "Setup", "Standing", "State", "begin", "step", "warm_up"]
