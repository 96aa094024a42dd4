"""Issuing systems to test connectors against: real ones where they can be had, doubles held to published contracts."""
