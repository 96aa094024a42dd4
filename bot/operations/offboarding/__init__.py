"""Ending everything that a vendor and its children hold, or that carries a tag or serves a consumer, in one plan.

``members`` says what is part of it; ``proposing`` and ``deciding`` are for the two people that it takes; ``running``
begins with its tokens one by one and sees it to its end; ``facts`` is what a card says of it.
"""
