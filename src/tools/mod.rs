//! Tools that fences find first on their PATH and that the program plays itself.

pub mod docker;
