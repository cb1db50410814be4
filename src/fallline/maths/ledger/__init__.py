"""The ledger: every number of one step, and the derivation that leads to them."""
