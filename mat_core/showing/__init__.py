"""Results as a notebook shows them: a small page of their own, and a figure. Nothing here is asked before it is shown.

shown     what a result inherits: `_repr_html_` and `plot`
panels    bars, lines and grids: what a result has to show, in numbers
views     the panels of each kind of result
html      panels as HTML
plots     panels as a figure of matplotlib
"""
