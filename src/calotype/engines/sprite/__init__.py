"""Makes what games show: visual effects and their sheets, drawn by rule and never by a generative model."""
