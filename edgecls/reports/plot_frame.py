"""Plots as geometry: pure functions from numbers to pixels, drawn as inline SVG by ``templates/plots.html``.

The house prefers a well-kept library, and Matplotlib was weighed. It writes colours into every element, so
that dark mode would need its output rewritten; it has no tooltips in SVG; it knows the widths of its own
fonts only, while the page uses the reader's; labels that avoid each other need another package; and it adds
30 MB and half a second to a command that takes one. A few plots of points and lines do not pay for that.
Here the template names classes, the style sheet gives them colours, and autoescape holds for plots, too.
"""

__all__ = ["BOTTOM_PX", "HEIGHT_PX", "LEFT_PX", "RIGHT_PX", "TOP_PX", "WIDTH_PX"]

WIDTH_PX, HEIGHT_PX = 480.0, 320.0
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 46.0, 466.0, 44.0, 276.0
