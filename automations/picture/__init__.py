"""The tree of a scenario as a picture. `nodes` reads rows; the rest is pure: nodes in, SVG out."""
