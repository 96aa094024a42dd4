"""Access for an emergency: who may use a token outside of the ordinary, why, and until when.

It is an entry in the record and gives nobody the secret. ``granting`` is for whoever asks, agrees, refuses or ends it;
``reviewing`` for whoever looks at it afterwards; ``looking_after`` is the clock's part; ``facts`` is what a card says.
"""
