"""Display of results in notebooks, as HTML and as figures.

base      base class of results: `_repr_html_` and `plot`
panels    bars, lines and grids
html      panels as HTML
plots     panels as a matplotlib figure
layout    positions of labels, colors of a heatmap's cells
"""
