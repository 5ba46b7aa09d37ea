"""Whether the tests of the models can fail: small faults put into each model's SQL, and its own tests run on them."""
