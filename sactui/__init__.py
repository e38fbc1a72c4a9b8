"""sactui: a terminal console for long-lived programs on Slurm clusters reached only by SSH."""

__version__ = "0.1.0"
