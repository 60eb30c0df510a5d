"""Operations that outlive their process: the costs of a journal and of a fleet, and what kills leave of them."""
