"""The stream: slot, subscription, whether it is continuous, and samples of it."""
