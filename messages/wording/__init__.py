"""Every sentence that a person reads in chat, and in lookups on the command line.

Plain words, nobody blamed. Codes that this release does not know get a general sentence, since a message must go
out all the same. Values from outside stand in inline parts or in plain strings; the renderers make them inert.
"""
