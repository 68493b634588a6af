//! Whether a password is the one behind a stored authentication string.
