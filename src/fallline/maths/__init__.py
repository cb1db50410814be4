"""The mathematics of one block of records: activation, gradient, kernels, network, ledger."""
