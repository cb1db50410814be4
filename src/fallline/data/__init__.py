"""Where records come from: blocks cut from sources."""
