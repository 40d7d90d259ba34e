//! A kind cluster: the reference.
