"""Every colour on the participant's screen: greys, and Okabe and Ito's (2008), which are told apart with every colour blindness. No red.

A shape carries each meaning too, and what differs in colour differs in luminance. Text stands on the ground alone, 7:1 or more.
"""

from __future__ import annotations

GROUND = "#262626"
WARM = "#E69F00"  # Okabe and Ito's orange: a value
SAND = "#D8D4CC"  # grey: the neutral middle
LIGHT = "#F0EDE8"  # first line of a text, marks
SOFT = "#C9C5BE"  # further lines
FAINT = "#8A8782"  # lines that only guide the eye
GREYS = ("#333333", "#434343", "#565656", "#757575", "#969696", "#B8B8B8", "#DADADA", "#FCFCFC")  # the set-up card's steps
