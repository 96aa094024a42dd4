"""Pages that a person reads: self-contained HTML without scripts, for the screen and for paper.

A page is made of plain values, like a card. Everything that comes from outside is made inert and escaped, and each page
forbids itself everything but its own stylesheet.
"""
