"""Builders of event payloads: nested objects (`models`), masks of changes (`flags`) and whole events (`events`)."""
