"""Who may do what: operators with roles, single-use sign-in links, API tokens."""
