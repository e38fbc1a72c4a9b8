"""Where the README's numbers come from: ratios of one run on a private cluster."""
