"""What people touch: estimators and the command line."""
