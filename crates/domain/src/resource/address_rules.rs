//! Rules that several kinds of addresses and blocks share.
