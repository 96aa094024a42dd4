"""What the policy would ask of everybody over the weeks to come, worked out beforehand; nothing is written."""
