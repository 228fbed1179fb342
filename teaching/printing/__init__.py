"""PDF handouts and worksheets."""
