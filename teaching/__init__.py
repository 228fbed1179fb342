"""Teaching material around mat_core: phantoms, named cases, criteria, lessons, printing. Imports mat_core only."""
