"""rtfmri: real-time fMRI neurofeedback, from the scanner's files to the participant's screen.

Research use only. Not a medical device. Not for diagnosis or treatment.
"""

__version__ = "0.1.0"
