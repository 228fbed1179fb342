"""How good answers are. Needs scikit-learn, which nothing else of `mat_core` needs: `pip install scikit-learn`."""
